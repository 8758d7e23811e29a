"""The form that changes the question of a page, in HTML that needs no script."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from markupsafe import Markup, escape

from insights.kinds import Kind
from insights.pages.links import HOME, PATHS, Links
from insights.pages.questions import (
    FLAG,
    LISTS,
    MOST,
    NAMES,
    Errors,
    Question,
    applies,
)
from insights.pages.suggestions import Suggestions
from insights.queries.conditions import CONDITION

PERIODS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "90d": "90 days"}

TIMES = ("since", "until")


class Field(NamedTuple):
    """A field of the form. `suggested` names a list of `Suggestions`."""

    name: str
    label: str
    hint: str = ""
    suggested: str = ""


FIELDS = (
    Field("since", "Since", "A date, a time, or an age: 2026-11-01, 2026-11-01T09:30:00Z, 7d."),
    Field("until", "Until", "Written likewise, exclusive. Empty: now."),
    Field("rating", "Rating", "A sentiment, or an exact rating.", "ratings"),
    Field("event_type", "Event type", "", "event_types"),
    Field("user", "User"),
    Field("not_user", "Except user"),
    Field("message", "Message"),
    Field(
        "where",
        "Condition",
        "Such as details.page=/chat, message.model=atlas-2, comment~slow.",
        "conditions",
    ),
    Field("by", "Compare by", "Such as message.model, user.plan, details.page.", "fields"),
)


class Chip(NamedTuple):
    """A filter, the address of the page without it, and whether the page's documents have it."""

    text: str
    without: str
    applies: bool


class Period(NamedTuple):
    """The link to a period up to now."""

    name: str
    address: str
    is_current: bool


@dataclass(frozen=True)
class Form:
    """The form of a page: its values are those of the page's question, with their errors.

    The page of one kind keeps the filters that only the other has, for the way back.
    """

    links: Links
    errors: Errors = field(default_factory=dict)
    unknown: Sequence[str] = ()
    has_system_users: bool = False
    suggestions: Suggestions = field(default_factory=Suggestions)
    kind: Kind | None = None

    @property
    def path(self) -> str:
        """The path of the page."""
        return PATHS[self.kind] if self.kind else HOME

    @property
    def here(self) -> str:
        """The address of the page."""
        return self.links.here(self.path)

    @property
    def without_filters(self) -> str:
        """The address of the page as the command asked."""
        return self._address(self.links.default)

    @property
    def fields(self) -> list[Field]:
        """The fields."""
        return [each for each in FIELDS if self.kind is None or each.name != "by"]

    @property
    def periods(self) -> list[Period]:
        """The links to usual periods up to now."""
        question = self.links.question
        given = question.values("since"), question.values("until")
        return [
            Period(name, self._address(up_to_now(question, age)), given == ((age,), ()))
            for age, name in PERIODS.items()
        ]

    @property
    def chips(self) -> Iterator[Chip]:
        """The filters without an error."""
        for name, value in self._right():
            if name not in TIMES:
                without = self._address(self.links.question.without(name, value))
                here = self.kind is None or applies(self.kind, name, value)
                yield Chip(describe(name, value), without, here)

    @property
    def hidden(self) -> list[tuple[str, Markup]]:
        """The values that the form keeps: chips of lists, which have a field only for more."""
        return [(name, as_attribute(value)) for name, value in self._right() if name in LISTS]

    @property
    def asks_for_system(self) -> bool:
        """Whether system users are included."""
        return bool(self.links.question.values(FLAG))

    def inputs(self, name: str) -> list[tuple[Markup, str]]:
        """Return the values of a field's inputs, each with its error. The last may be empty."""
        values = self._some(name)
        if name in LISTS:
            values = [each for each in values if (name, each) in self.errors]
        found = [(as_attribute(each), self.errors.get((name, each), "")) for each in values]
        if name in LISTS or not found:
            found.append((Markup(), self.errors.get((name, ""), "")))
        return found

    def listed(self, field: Field) -> Sequence[str]:
        """Return the suggestions for a field."""
        found: Sequence[str] = getattr(self.suggestions, field.suggested) if field.suggested else ()
        return found

    def _right(self) -> Iterator[tuple[str, str]]:
        """Yield the values without an error."""
        for name in NAMES:
            yield from (
                (name, each) for each in self._some(name) if (name, each) not in self.errors
            )

    def _some(self, name: str) -> list[str]:
        """Return the values of a parameter, but not too many."""
        return [*self.links.question.values(name)[: MOST.get(name, 1)]]

    def _address(self, question: Question) -> str:
        return self.links.address(self.path, question)


def up_to_now(question: Question, age: str) -> Question:
    """Return a question about the period from an age ago up to now."""
    return question.having("since", age).having("until")


def describe(name: str, value: str) -> str:
    """Return a filter as a chip shows it."""
    match name:
        case "where":
            found = CONDITION.fullmatch(value)
            parts = found.group("field", "operator", "value") if found else [value]
            return " ".join(each.strip() for each in parts)
        case "by":
            return f"compared by {value}"
        case "not_user":
            return f"user is not {value}"
        case "include_system":
            return "with system users"
        case _:
            return f"{name.replace('_', ' ')} is {value}"


def as_attribute(value: str) -> Markup:
    """Return a value escaped. Unlike other texts of a page, it keeps its control characters."""
    return escape(value)
