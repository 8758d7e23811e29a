"""What arrives in MongoDB, as it arrives: by a change stream, or by looking every second."""
