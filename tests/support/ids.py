"""A pytest plugin: parametrised tests whose ids show the values, not their numbers."""

import re
from datetime import date, timedelta

LONGEST = 60


def pytest_make_parametrize_id(val: object) -> str | None:
    """Return a short text for a value, or None for pytest's own id."""
    if isinstance(val, bytes | re.Pattern) or hasattr(val, "__name__"):
        return None
    text = "".join(each if each.isprintable() else escaped(each) for each in text_of(val))
    # Addresses differ between workers, which must agree on ids.
    if " at 0x" in text or not text:
        return None
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def text_of(value: object) -> str:
    """Return a value as text with few quotes and brackets; options as on a command line."""
    match value:
        case list() | tuple() if value and all(isinstance(each, str) for each in value):
            return " ".join(value)
        case list() | tuple():
            return f"[{', '.join(map(text_of, value))}]"
        case dict():
            pairs = (f"{key}: {text_of(each)}" for key, each in value.items())
            return f"{{{', '.join(pairs)}}}"
        case set() | frozenset():
            return f"{{{', '.join(sorted(map(text_of, value)))}}}"
        case str() | date() | timedelta():
            return str(value)
        case _:
            return repr(value)


def escaped(character: str) -> str:
    """Return an unprintable character as Python escapes it."""
    return character.encode("unicode_escape").decode()
