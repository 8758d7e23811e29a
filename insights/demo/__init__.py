"""Believable data to try the commands on: the users of a news assistant with an AI chat."""
