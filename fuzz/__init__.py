"""Coverage-guided fuzzing: `python -m fuzz`. Never deployed."""
