"""The figures of a period, and the journeys before its ratings."""
