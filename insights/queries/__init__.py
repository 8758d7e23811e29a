"""MongoDB queries from command-line options: filters, periods, sentiments."""
