"""What several test modules use: servers in place of real ones, clients, documents and checks."""
