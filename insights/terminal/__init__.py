"""What commands share: their options, and how they talk to the operator."""
