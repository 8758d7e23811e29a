"""The one exception of this package."""


class LocalProjectError(Exception):
    """The project cannot be used as it is. The text says in one line why, and what to do."""
