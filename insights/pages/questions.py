"""The question that a page of the server answers, and its form in an address."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from insights.errors import UsageError
from insights.kinds import Kind
from insights.queries.attributes import parse_attribute
from insights.queries.conditions import parse_condition
from insights.queries.filters import Selection, parse_for_kinds
from insights.queries.message_conditions import is_on_message, parse_message_condition
from insights.queries.periods import LAST_TIME, parse_period, parse_time
from insights.settings import Settings

LAST_MONTH = Selection(since="30d")

# The names are those of the options.
TEXTS = ("since", "until", "user", "message", "rating", "event_type")
LISTS = ("not_user", "where", "by")
FLAG = "include_system"
NAMES = (*TEXTS, *LISTS, FLAG)

# A question costs MongoDB time, and the page room, for each of its values.
MOST = {"not_user": 20, "where": 20, "by": 5}
LONGEST = 1000

# A page draws each day.
LONGEST_PERIOD = timedelta(days=3660)

# The filters that only one kind has.
OTHERS = {Kind.FEEDBACK: ("event_type",), Kind.EVENTS: ("message", "rating")}

Pairs = Sequence[tuple[str, str]]
"""The names and values of a query."""

Errors = Mapping[tuple[str, str], str]
"""The errors by the name and the value that they are about; the value is empty if it is several."""


@dataclass(frozen=True)
class Question:
    """The period and the filters, and the fields that ratings are compared by.

    These are the names and values of a query in the order of `NAMES`, so that pages with the same
    question share a board.
    """

    pairs: tuple[tuple[str, str], ...]

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of a parameter, none if it is not given."""
        return tuple(value for each, value in self.pairs if each == name)

    def having(self, name: str, *values: str) -> "Question":
        """Return the same question with other values of a parameter."""
        return to_question({each: self.values(each) for each in NAMES} | {name: values})

    def without(self, name: str, value: str) -> "Question":
        """Return the same question without one value of a parameter."""
        return self.having(name, *(each for each in self.values(name) if each != value))

    def about(self, kind: Kind) -> "Question":
        """Return the question with only those filters that documents of a kind have."""
        return Question(tuple(each for each in self.pairs if applies(kind, *each)))

    def query(self, default: "Question") -> Iterator[tuple[str, str]]:
        """Yield the parameters that differ from the default, empty if they are not given here."""
        for name in NAMES:
            values = self.values(name)
            if values != default.values(name):
                yield from ((name, value) for value in values or ("",))

    @property
    def selection(self) -> Selection:
        """The period and the filters."""
        texts = {name: value for name, value in self.pairs if name in TEXTS}
        return Selection(
            **texts,
            where=self.values("where"),
            not_user=self.values("not_user"),
            include_system=bool(self.values(FLAG)),
        )


def question_of(selection: Selection, by: Sequence[str] = ()) -> Question:
    """Return the question of a command's options."""
    texts = {name: getattr(selection, name) for name in TEXTS}
    return to_question(
        {name: () if value is None else (value,) for name, value in texts.items()}
        | {"not_user": selection.not_user, "where": selection.where, "by": by}
        | {FLAG: ("1",) if selection.include_system else ()}
    )


def to_question(values: Mapping[str, Sequence[str]]) -> Question:
    """Return the question with these values of each parameter."""
    return Question(tuple((name, value) for name in NAMES for value in dict.fromkeys(values[name])))


def parse_question(given: Pairs, default: Question) -> Question:
    """Return the question of a query. A parameter that it lacks is that of the default."""
    names = {name for name, _ in given}
    values = {name: default.values(name) for name in NAMES}
    for name in names.intersection(NAMES):
        found = tuple(value for each, value in given if each == name and value)
        values[name] = found if name in LISTS else found[-1:]
    # The figures need a beginning.
    values["since"] = values["since"] or default.values("since")
    return to_question(values)


def applies(kind: Kind, name: str, value: str) -> bool:
    """Say whether documents of a kind have the field of a filter."""
    if name != "where":
        return name not in {*OTHERS[kind], "by"}
    try:
        if is_on_message(value):
            return kind is Kind.FEEDBACK
        parse_condition(kind, value, LAST_TIME)
    except UsageError:
        return False
    return True


def unknown_names(given: Pairs, *known: str) -> list[str]:
    """Return the parameters that mean nothing."""
    return [*dict.fromkeys(name for name, _ in given if name not in {*NAMES, *known})]


def errors_in(question: Question, settings: Settings, now: datetime) -> Errors:
    """Return the errors in a question, which only MongoDB may find more in."""
    found = dict(wrong_values(question.pairs, settings, now))
    for name, most in MOST.items():
        if len(question.values(name)) > most:
            found[name, ""] = f"more than {most} cannot be asked together"
    if not found:
        found |= wrong_period(question.selection, now)
    return found


def wrong_values(
    pairs: Pairs, settings: Settings, now: datetime
) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield each wrong value with its error."""
    for name, value in pairs:
        try:
            check(name, value, settings, now)
        except UsageError as error:
            yield (name, value), in_page(name, error)


def check(name: str, value: str, settings: Settings, now: datetime) -> None:
    """Check one value.

    Raises:
        UsageError: it is wrong.
    """
    if len(value) > LONGEST:
        raise UsageError(f"longer than {LONGEST:,} characters")
    if "\0" in value:
        raise UsageError("a text with a NUL matches nothing")
    if name in {"since", "until"}:
        parse_time(value, now)
    elif name == "where":
        if is_on_message(value):
            parse_message_condition(value, settings, now)
        else:
            parse_for_kinds(value, now)
    elif name == "by":
        parse_attribute(value, settings)


def wrong_period(selection: Selection, now: datetime) -> dict[tuple[str, str], str]:
    """Return the error of a period that is reversed or too long."""
    since = ("since", selection.since or "")
    try:
        period = parse_period(selection.since, selection.until, now)
    except UsageError as error:
        return {since: in_page("since", error)}
    if period.so_far(now).end - period.start > LONGEST_PERIOD:
        return {since: f"a page shows at most {LONGEST_PERIOD.days:,} days"}
    return {}


def in_page(name: str, error: UsageError) -> str:
    """Return the text of an error without the name of the option, which is that of the field."""
    return str(error).removeprefix(f"--{name} ")
