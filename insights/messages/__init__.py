"""The application's messages, which users rate: their records, texts and questions."""
