"""Generators of the files that are checked in: `docs/openapi.json` and `docs/dashboard.png`."""
