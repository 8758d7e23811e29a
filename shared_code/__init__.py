"""What both functions share: settings, models, the MongoDB connection, requests and responses."""
