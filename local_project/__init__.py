"""The project on this computer: its settings files and its embedded MongoDB. Never deployed.

The local server and the operator's tool share it.
"""
