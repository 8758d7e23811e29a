"""The operator's command-line tool: reads, exports and maintains feedback and events."""
