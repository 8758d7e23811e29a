"""Generators of checked-in files: `docs/openapi.json` and `docs/dashboard.png`."""
