"""Realistic data to try the commands on: users of a news assistant with an AI chat."""
