"""The commands: their options, and how they show what they did. Modules come in on use."""
