"""Shares and their intervals as JSON values."""

from dataclasses import asdict

from insights.figures.shares import Interval, Share


def share_to_dict(name: str, share: Share | None) -> dict[str, object]:
    """Return a share and its interval, or None where there is none."""
    interval = share and asdict(share.interval)
    return {name: share and share.value, f"{name}_interval": interval}


def in_points(interval: Interval | None) -> dict[str, float] | None:
    """Return an interval in percentage points."""
    if interval is None:
        return None
    return {"low": interval.low * 100, "high": interval.high * 100}
