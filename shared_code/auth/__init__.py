"""Bearer tokens: optional, and not imported while they are off."""
