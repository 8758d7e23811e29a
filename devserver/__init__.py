"""A local server for the functions, on a real embedded MongoDB. Never deployed."""
