"""The one exception of this package."""


class LocalProjectError(Exception):
    """The project cannot be used. The text is one line: the reason and the remedy."""
