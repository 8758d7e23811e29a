"""The commands: their options and their output. Each module is imported on use."""
