"""From what the operator asks for to what MongoDB is asked."""
