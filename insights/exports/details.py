"""The names of the fields in the details of events: `details.page`, `details.device.os`."""

import json
import re
from functools import lru_cache

DETAILS = "details"

# Other keys are quoted: dots and quotes would make paths ambiguous, operators would end a field of
# --where, which ignores blanks around keys, and line ends would break a line.
PLAIN_KEY = re.compile(r'(?!\s)[^."=<>~!\x00-\x1f\x7f\x85\u2028\u2029]+(?<!\s)')


@lru_cache(maxsize=4096)
def field_name(parent: str, key: str) -> str:
    """Return the name of a nested field, or of one without a parent.

    Keys with a dot are quoted: `details."a.b"`.
    """
    quoted = key if PLAIN_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)
    return f"{parent}.{quoted}" if parent else quoted


def key_of(name: str) -> str:
    """Return the key of a field without a parent."""
    return str(json.loads(name)) if name.startswith('"') else name
