"""Everything that was collected, or a part of it, written to a file in constant memory."""
