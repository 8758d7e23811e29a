"""Exports: stored documents, all or filtered, written to a file in constant memory."""
