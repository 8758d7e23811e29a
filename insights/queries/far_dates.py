"""BSON dates outside the range of `datetime`: before the year 1, and after 9999."""

from datetime import UTC, datetime, timedelta

from bson.datetime_ms import DatetimeMS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# The Gregorian calendar repeats with this period.
CYCLE_YEARS = 400
CYCLE_MILLISECONDS = 146_097 * 24 * 60 * 60 * 1000


def far_iso_time(time: DatetimeMS) -> str:
    """Return a time in UTC with six digits for the year, as ISO 8601 and JavaScript have it.

    A time in microseconds that was stored as milliseconds is `+056224-03-05T10:22:03.000Z`, say.
    """
    cycles, milliseconds = divmod(int(time), CYCLE_MILLISECONDS)
    near = EPOCH + timedelta(milliseconds=milliseconds)
    rest = near.replace(tzinfo=None).isoformat(timespec="milliseconds").partition("-")[2]
    return f"{near.year + cycles * CYCLE_YEARS:+07}-{rest}Z"
