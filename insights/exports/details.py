"""The details of events as fields of their own: `details.page`, `details.device.os`."""

import json
import re
from functools import lru_cache
from typing import Any

from insights.kinds import Document

DETAILS = "details"

# A key that would be mistaken for a path is quoted, so that no two paths have the same name. So
# is one that would break the line.
PLAIN_KEY = re.compile(r'[^."\x00-\x1f\x7f]+')


def flatten(document: Document) -> Document:
    """Return a document with a field for each value in its details, however deep.

    An array is one value, and so is an empty object within the details. A key that holds a dot is
    quoted: `details."a.b"`.
    """
    flat = {field_name("", name): value for name, value in document.items() if name != DETAILS}
    if DETAILS in document:
        add_values(flat, DETAILS, document[DETAILS])
    return flat


def add_values(flat: Document, name: str, value: Any) -> None:  # noqa: ANN401 (what JSON has)
    """Add a value under its name, or those in it, each under its own."""
    if isinstance(value, dict) and (value or name == DETAILS):
        for key, inner in value.items():
            add_values(flat, field_name(name, key), inner)
    else:
        flat[name] = value


@lru_cache(maxsize=4096)
def field_name(parent: str, key: str) -> str:
    """Return the name of a field within another, or of one that is in none."""
    quoted = key if PLAIN_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)
    return f"{parent}.{quoted}" if parent else quoted
