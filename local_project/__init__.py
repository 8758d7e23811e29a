"""The project on this computer: its settings files and its embedded MongoDB. Never deployed.

Shared by the local server and the operator's tool.
"""
