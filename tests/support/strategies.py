"""Hypothesis strategies for request bodies."""

import json
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from fuzz.seeds import ODD_VALUES


def json_values(
    scalars: st.SearchStrategy[Any], keys: st.SearchStrategy[str]
) -> st.SearchStrategy[Any]:
    """Return a strategy for JSON with these scalars and keys."""
    return st.recursive(
        scalars,
        lambda members: st.lists(members) | st.dictionaries(keys, members),
        max_leaves=20,
    )


TEXT = st.text(st.characters(codec="utf-8"))
KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\0")) | st.sampled_from(
    ["", "_id", "$set", "$ref", "$id", "$db", "a.b", ".", "$", "__proto__", "timestamp"]
)

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
STORABLE = json_values(st.none() | st.booleans() | INTEGERS | FLOATS | TEXT, KEYS)

# Includes surrogates, NaN, infinities, and integers of any size.
ANYTHING = json_values(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    st.text(st.characters()) | KEYS,
) | st.sampled_from(ODD_VALUES)
WITHOUT_NUL = st.characters(codec="utf-8", exclude_characters="\0")
IDENTIFIERS = st.text(WITHOUT_NUL, min_size=1, max_size=200)
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))

# Offsets must not lead out of the years 1 to 9999.
YEAR_2, YEAR_9998 = (datetime.fromisoformat(f"{year}-01-01") for year in ("0002", "9998"))
DATE_TIMES = st.datetimes(YEAR_2, YEAR_9998).flatmap(
    lambda naive: OFFSETS.map(lambda offset: naive.replace(tzinfo=offset).isoformat())
)

LABELS = st.text(WITHOUT_NUL, max_size=63).map("+".__add__)

FEEDBACKS = st.fixed_dictionaries(
    {
        "message_id": IDENTIFIERS,
        "user_id": IDENTIFIERS,
        "rating": LABELS,
    },
    optional={
        "comment": st.none() | TEXT,
        "reasons": st.none() | st.lists(LABELS | st.just("wrong"), max_size=10),
    },
)

WITHDRAWALS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"message_id": IDENTIFIERS, "user_id": IDENTIFIERS, "rating": st.none()},
    optional={"comment": st.none(), "reasons": st.none() | st.just([])},
)

EVENTS = st.fixed_dictionaries(
    {
        "user_id": IDENTIFIERS,
        "event_type": IDENTIFIERS,
        "details": st.dictionaries(KEYS, STORABLE),
    },
    optional={
        "event_id": st.none() | st.uuids().map(str),
        "occurred_at": st.none() | DATE_TIMES,
    },
)


@st.composite
def encoded(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> bytes:
    """Draw a spelling of a value as JSON."""
    text = json.dumps(
        draw(values),
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, 0, "\t"])),
    )
    return text.encode(errors="surrogatepass")


@st.composite
def edited(draw: st.DrawFn, bodies: st.SearchStrategy[bytes]) -> bytes:
    """Draw a body with some bytes inserted, removed or replaced."""
    body = draw(bodies)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = start + draw(st.integers(0, 4))
        body = body[:start] + draw(st.binary(max_size=4)) + body[end:]
    return body


VALID = encoded(FEEDBACKS | WITHDRAWALS) | encoded(EVENTS) | encoded(st.lists(EVENTS, max_size=5))
HEADERS = st.dictionaries(
    st.sampled_from(["Content-Encoding", "Content-Type", "Content-Length", "Authorization"])
    | st.sampled_from(["traceparent", "Transfer-Encoding", "Accept", "Host", ""]),
    st.sampled_from(["", "gzip", "GZip ", "identity", "br", "gzip,gzip", "gzip;q=1", "Bearer x"])
    | st.sampled_from(["0", "-1", "text/plain;charset=utf-16", "00-" + "0" * 32 + "-0-01", "ﬁ"])
    | st.text(st.characters()),
)
