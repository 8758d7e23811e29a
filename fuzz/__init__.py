"""Looking for what nobody thought of: `python -m fuzz`. Never deployed."""
