"""MongoDB: the connection, the server's product and version, and the indexes."""
