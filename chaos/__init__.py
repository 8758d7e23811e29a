"""Faults between a browser and the functions, and what is lost: `python -m chaos`."""
