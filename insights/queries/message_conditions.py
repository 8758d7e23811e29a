"""Conditions of --where on the rated message, such as `message.model=atlas-2`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from insights.kinds import Document, Type
from insights.queries.attributes import Attribute, Root, parse_attribute
from insights.queries.conditions import CONDITION, Target, compare_field, split_keys
from insights.settings import Settings

VALUE = Target(("value",), Type.JSON)


@dataclass(frozen=True)
class MessageCondition:
    """A condition on a field of the rated message.

    `matching` is the filter for its `value`; if it `excludes`, those that match are left out.
    """

    attribute: Attribute
    matching: Document
    excludes: bool


def is_on_message(condition: str) -> bool:
    """Say whether a condition is on a field of the rated message."""
    found = CONDITION.fullmatch(condition)
    keys = split_keys(found["field"].strip()) if found else []
    return len(keys) > 1 and keys[0] == Root.MESSAGE


def parse_message_condition(text: str, settings: Settings, now: datetime) -> MessageCondition:
    """Return the condition on a message that a text names.

    Raises:
        UsageError: MESSAGE_LOOKUP is missing.
    """
    found = CONDITION.fullmatch(text)
    if found is None:
        raise ValueError("it is not a condition")
    field, operator, value = (found[name].strip() for name in ("field", "operator", "value"))
    attribute = parse_attribute(field, settings, "--where")
    excludes = operator == "!="
    matching = compare_field(VALUE, "=" if excludes else operator, value, now)
    return MessageCondition(attribute, matching, excludes)


def message_conditions(
    where: Sequence[str], settings: Settings, now: datetime
) -> list[MessageCondition]:
    """Return the conditions that are on messages.

    Raises:
        UsageError: MESSAGE_LOOKUP is missing.
    """
    return [parse_message_condition(each, settings, now) for each in where if is_on_message(each)]


def without_messages(where: Sequence[str]) -> tuple[str, ...]:
    """Return the conditions that are not on messages."""
    return tuple(each for each in where if not is_on_message(each))
