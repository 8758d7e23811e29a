"""Finding damaged documents and missing indexes, and repairing them without losing anything."""
