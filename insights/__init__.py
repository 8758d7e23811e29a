"""The operator's tool: read, understand, export, stream and erase what was collected."""
