"""Attributes of ratings: `message.model`, `user.plan` and `details.page`."""

from dataclasses import dataclass, replace
from enum import StrEnum

from insights.errors import UsageError
from insights.queries.conditions import split_keys
from insights.settings import Settings
from insights.wording import clean


class Root(StrEnum):
    """The document that an attribute is a field of."""

    MESSAGE = "message"
    USER = "user"
    DETAILS = "details"

    @property
    def setting(self) -> str:
        """The setting with the collection and the field of its ids."""
        return f"{self.upper()}_LOOKUP"


EXAMPLES = {Root.MESSAGE: "sessions.messages.message_id", Root.USER: "users._id"}


@dataclass(frozen=True)
class Attribute:
    """A field of the rated message, of the user, or of the details of the user's last event.

    `name` is as on the command line, and `keys` are the names on the way to the field. `lookup` is
    where the application stores the ids of messages or users, such as `users._id`; it is empty for
    details.
    """

    name: str
    root: Root
    keys: tuple[str, ...]
    lookup: str = ""


def parse_attribute(text: str, settings: Settings, option: str = "--by") -> Attribute:
    """Return the attribute that --by or --where names. Keys with dots are in double quotes.

    Raises:
        UsageError: it is not an attribute, or the setting for it is missing.
    """
    first, *keys = split_keys(text.strip()) or [""]
    if first not in list(Root) or not keys:
        raise UsageError(
            f"{option} {text!r} is not message.FIELD, user.FIELD or details.FIELD, "
            "such as message.model, user.plan or details.page"
        )
    root = Root(first)
    attribute = Attribute(clean(text.strip()), root, tuple(keys))
    if root is Root.DETAILS:
        return attribute
    lookup = settings.message_lookup if root is Root.MESSAGE else settings.user_lookup
    if lookup is None:
        raise UsageError(
            f"{option} {text} needs {root.setting}, the collection and the field of the "
            f"application's {root} ids, such as {root.setting}={EXAMPLES[root]}"
        )
    return replace(attribute, lookup=lookup)
