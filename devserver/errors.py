"""What stops the server."""


class DevServerError(Exception):
    """The server cannot start or go on. The text says in one line why, and what to do."""
