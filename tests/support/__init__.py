"""The test library: servers and proxies, clients, sample documents and checks."""
