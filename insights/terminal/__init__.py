"""Terminal input and output that commands share: options, tables, questions, messages."""
