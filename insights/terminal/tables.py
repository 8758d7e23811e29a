"""Tables without lines."""

from rich.text import Text

from insights.wording import show_number

# The padding of cells.
GAP = (0, 2, 0, 0)


def right(cell: int | str) -> Text:
    """Return a right-aligned cell."""
    return Text(show_number(cell) if isinstance(cell, int) else cell, justify="right")
