"""The text and the sender of a message, in the shapes that applications store."""

from collections.abc import Iterator, Sequence
from typing import Any

from insights.settings import Settings

TEXT_FIELDS = ("content", "text", "body")

# The types of text parts in OpenAI's, Anthropic's and LangChain's formats. Parts of other types are
# images, tool calls or reasoning.
TEXT_PARTS = (None, "text", "input_text", "output_text")

ROLE_FIELDS = ("role", "sender", "author", "type", "author.role")
USERS = ("user", "human")


def text_fields(settings: Settings) -> Sequence[str]:
    """Return the fields that may hold the text of a message: `MESSAGE_TEXT`, or the usual ones."""
    return (settings.message_text,) if settings.message_text else TEXT_FIELDS


def text_in(record: object, fields: Sequence[str]) -> str | None:
    """Return the text of a record, from the first of these fields that has one.

    Parts of a text are joined with a blank line.
    """
    for field in fields:
        values = values_at(record, field.split("."))
        texts = [text for value in values for text in parts_of(value) if text.strip()]
        if texts:
            return "\n\n".join(texts)
    return None


def values_at(value: object, keys: Sequence[str]) -> Iterator[object]:
    """Yield the values at a path, which may lead through arrays."""
    if not keys:
        yield value
    elif isinstance(value, dict) and keys[0] in value:
        yield from values_at(value[keys[0]], keys[1:])
    elif isinstance(value, list):
        for each in value:
            if isinstance(each, dict):
                yield from values_at(each, keys)


def parts_of(value: object) -> Iterator[str]:
    """Yield a text, or the texts in a list of parts."""
    for part in value if isinstance(value, list) else [value]:
        text: object = part
        if part is not value and isinstance(part, dict) and part.get("type") in TEXT_PARTS:
            text = part.get("text")
            # OpenAI's Assistants: {"type": "text", "text": {"value": …}}.
            text = text.get("value") if isinstance(text, dict) else text
        if isinstance(text, str):
            yield text


def roles_of(record: object) -> list[str]:
    """Return the texts in the fields that may name the sender, in lower case."""
    values = (value for field in ROLE_FIELDS for value in values_at(record, field.split(".")))
    return [value.strip().lower() for value in values if isinstance(value, str)]


def is_users(record: object) -> bool:
    """Say whether a message is the user's."""
    return any(role in USERS for role in roles_of(record))


def users_condition() -> dict[str, Any]:
    """Return the MongoDB filter for `is_users`."""
    pattern = {"$regex": rf"^\s*({'|'.join(USERS)})\s*$", "$options": "i"}
    return {"$or": [{field: pattern} for field in ROLE_FIELDS]}


def users_before(array: Sequence[object]) -> list[object]:
    """Return for each message of an array the last one before it that is the user's.

    If no message names its sender, that is the message right before.
    """
    if not any(roles_of(each) for each in array):
        return [None, *array[:-1]]
    found: list[object] = []
    last: object = None
    for each in array:
        found.append(last)
        last = each if is_users(each) else last
    return found
