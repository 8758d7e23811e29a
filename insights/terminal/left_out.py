"""What a command says of the documents that it cannot use."""

from collections.abc import Iterable

from insights.queries.left_out import LeftOut
from insights.terminal.console import print_error


def tell_left_out(left_out: Iterable[LeftOut]) -> None:
    """Print a line for each reason to standard error."""
    for each in left_out:
        print_error(str(each))
