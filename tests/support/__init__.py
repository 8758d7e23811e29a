"""Servers that tests put in place of real ones."""
