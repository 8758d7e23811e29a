"""What the data says: the figures of a period, and what came before ratings."""
