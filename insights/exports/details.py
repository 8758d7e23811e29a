"""The details of events as fields of their own: `details.page`, `details.device.os`."""

import json
import re
from functools import lru_cache
from typing import Any

from insights.kinds import Document

DETAILS = "details"

# Other keys are quoted: dots and quotes would make paths ambiguous, operators would end a field of
# --where, which ignores blanks around keys, and line ends would break a line.
PLAIN_KEY = re.compile(r'(?!\s)[^."=<>~!\x00-\x1f\x7f\x85\u2028\u2029]+(?<!\s)')


def flatten(document: Document) -> Document:
    """Return a document with a field for each value in its details, at any depth.

    Arrays count as values, and so do empty objects. Keys with a dot are quoted: `details."a.b"`.
    """
    flat = {field_name("", name): value for name, value in document.items() if name != DETAILS}
    if DETAILS in document:
        add_values(flat, DETAILS, document[DETAILS])
    return flat


def add_values(flat: Document, name: str, value: Any) -> None:  # noqa: ANN401 (any JSON)
    """Add a value under its name, or the values of an object under theirs."""
    if isinstance(value, dict) and (value or name == DETAILS):
        for key, inner in value.items():
            add_values(flat, field_name(name, key), inner)
    else:
        flat[name] = value


@lru_cache(maxsize=4096)
def field_name(parent: str, key: str) -> str:
    """Return the name of a nested field, or of one without a parent."""
    quoted = key if PLAIN_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)
    return f"{parent}.{quoted}" if parent else quoted
