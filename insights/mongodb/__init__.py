"""The server: connecting to it, which one it is, and the indexes on it."""
