"""Arrivals: documents as they are stored, from a change stream or by polling."""
