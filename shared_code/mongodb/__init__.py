"""MongoDB: the connection, deadlines, group commit and writes."""
