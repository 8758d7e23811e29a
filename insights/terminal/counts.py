"""Counts of feedback and events as text."""

from collections.abc import Mapping

from insights.kinds import Kind
from insights.users.erasure import Counts
from insights.wording import show_number


def show_count(count: int, kind: str) -> str:
    """Return `1 event`, `1,234 events` or `5 feedback`."""
    return f"{show_number(count)} {kind.removesuffix('s') if count == 1 else kind}"


def show_counts(counts: Mapping[Kind, int] | Counts) -> str:
    """Return `5 feedback and 1 event`."""
    return " and ".join(show_count(count, kind) for kind, count in counts.items())
