"""The description of the HTTP interface, and what generates it. Never deployed."""
