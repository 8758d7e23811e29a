"""Documents that a command cannot use, counted by reason.

Other programs may have stored a `timestamp` that is not a date, or an event without a type. Each
reason is counted through the indexes, and shown in one line.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from pymongo.database import Database
from pymongo.errors import OperationFailure

from insights.kinds import Document, Kind
from insights.queries.filters import WITHDRAWN, Filter, Filters, all_of
from insights.queries.periods import Period
from insights.queries.scopes import Scope
from insights.wording import show_number

# All BSON types but dates, strings and arrays. An index bounds each; `$type: array` alone would
# read every document.
TYPES = (
    *("double", "int", "long", "decimal", "bool", "object", "binData", "objectId"),
    *("regex", "javascript", "timestamp", "minKey", "maxKey"),
)


class Reason(StrEnum):
    """The reason for leaving documents out, as JSON names it."""

    NO_DATE = "no_date"
    FUTURE = "future"
    NO_USER = "no_user"
    NO_TYPE = "no_type"
    NO_MESSAGE = "no_message"
    WITHDRAWN = "withdrawn"
    SYSTEM_USER = "system_user"
    NEVER_DELETED = "never_deleted"


SENTENCES = {
    Reason.NO_DATE: ("has no date and is left out", "have no date and are left out"),
    Reason.FUTURE: (
        "is dated in the future and is left out",
        "are dated in the future and are left out",
    ),
    Reason.NO_USER: ("has no user and is in no journey", "have no user and are in no journey"),
    Reason.NO_TYPE: ("has no type and is left out", "have no type and are left out"),
    Reason.NO_MESSAGE: (
        "has a negative rating but no message and is not among the worst",
        "have a negative rating but no message and are not among the worst",
    ),
    Reason.WITHDRAWN: (
        "has no rating (withdrawn) and is left out",
        "have no rating (withdrawn) and are left out",
    ),
    Reason.SYSTEM_USER: (
        "is of a system user and is left out",
        "are of system users and are left out",
    ),
    Reason.NEVER_DELETED: (
        "has no date and is never deleted",
        "have no date and are never deleted",
    ),
}


@dataclass(frozen=True)
class LeftOut:
    """The number of documents of a kind that are left out for a reason."""

    kind: Kind
    reason: Reason
    count: int

    def __str__(self) -> str:
        """Return the line that is shown."""
        one, many = SENTENCES[self.reason]
        noun = self.kind.removesuffix("s") if self.count == 1 else self.kind
        return f"{show_number(self.count)} {noun} {one if self.count == 1 else many}"


def lacking(field: str, bson_type: str, condition: Filter | None = None) -> Filter:
    """Return the filter for documents whose field is neither of a type nor an array with it.

    Each branch repeats the condition, so that MongoDB chooses an index for each.
    """
    others = [each for each in (*TYPES, "date", "string") if each != bson_type]
    values: list[Filter] = [{field: None}, {field: []}]
    values += [{field: {"$type": each}} for each in others]
    without = {field: {"$not": {"$type": bson_type}}}
    return {"$or": [{"$and": [each, without, condition or {}]} for each in values]}


UNDATED = lacking("timestamp", "date")
AN_ARRAY = {"$type": "array"}


def left_out(
    database: Database[Document], kind: Kind, reason: Reason, condition: Filter
) -> Iterator[LeftOut]:
    """Yield the number of matching documents, if there are any."""
    if count := database[kind.collection].count_documents(condition):
        yield LeftOut(kind, reason, count)


def undated(database: Database[Document], kind: Kind, condition: Filter) -> Iterator[LeftOut]:
    """Yield the number of matching documents that have no date, and so belong to no period."""
    yield from left_out(database, kind, Reason.NO_DATE, all_of(UNDATED, condition))


def not_counted(found: Scope, asked: Period) -> Iterator[LeftOut]:
    """Yield the counts of documents without a date, and of those dated in the future.

    The scope has the past part of the period `asked`. An array of dates does not count as a date.
    """
    used = found.period
    branches = [UNDATED]
    if used.dates_only:
        in_period = replace(used, dates_only=False).condition()
        branches.append({"$and": [in_period, {"timestamp": AN_ARRAY}]})
    without_date = all_of({"$or": branches}, found.matching)
    yield from left_out(found.database, found.kind, Reason.NO_DATE, without_date)
    if used.until and (asked.until is None or used.until < asked.until):
        to_come = all_of(Period(used.until, asked.until).condition(), found.matching)
        yield from left_out(found.database, found.kind, Reason.FUTURE, to_come)


def withdrawn(database: Database[Document], condition: Filter) -> Iterator[LeftOut]:
    """Yield the number of matching feedback that was withdrawn."""
    yield from left_out(database, Kind.FEEDBACK, Reason.WITHDRAWN, all_of(WITHDRAWN, condition))


def not_selected(
    database: Database[Document],
    filters: Filters,
    period: Period,
    kinds: Collection[Kind] = tuple(Kind),
) -> Iterator[LeftOut]:
    """Yield the counts of documents that are left out although no option says so.

    These are withdrawn feedback, and the documents of system users.
    """
    if Kind.FEEDBACK in kinds:
        yield from withdrawn(database, all_of(period.condition(), filters.of_withdrawn()))
    for kind in kinds if filters.system else ():
        condition = all_of(period.condition(), filters.of_system(kind))
        yield from left_out(database, kind, Reason.SYSTEM_USER, condition)


def usable(database: Database[Document], kind: Kind, period: Period) -> Period:
    """Return the period, with `dates_only` if it may hold arrays of dates."""
    is_plain = not may_be_arrays(database, kind, period.condition(), "timestamp")
    return period if is_plain else replace(period, dates_only=True)


def usable_scope(
    database: Database[Document], kind: Kind, filters: Filters, period: Period
) -> Scope:
    """Return the documents of a kind in a period, without arrays of dates."""
    return Scope(database, kind, usable(database, kind, period), filters.of(kind))


def may_be_arrays(
    database: Database[Document], kind: Kind, condition: Filter, *fields: str
) -> bool:
    """Say whether one of these fields may be an array in a matching document.

    The query plan says so if it reads an index with all these fields. Else they are read.
    """
    # With only these fields to return, MongoDB prefers such an index.
    asked = {"_id": 0} | dict.fromkeys(fields, 1)
    find = {"find": kind.collection, "filter": condition, "projection": asked}
    with suppress(OperationFailure):
        plan = database.command("explain", find, verbosity="queryPlanner")
        scans = list(index_scans(plan.get("queryPlanner")))
        if scans and all(is_without_arrays(each, fields) for each in scans):
            return False
    is_array = {"$or": [{"$isArray": f"${field}"} for field in fields]}
    pipeline = [{"$match": condition}, {"$group": {"_id": is_array}}]
    return any(each["_id"] for each in database[kind.collection].aggregate(pipeline))


def is_without_arrays(scan: Document, fields: Iterable[str]) -> bool:
    """Say whether a scan's index has all these fields, and no arrays."""
    return scan["isMultiKey"] is False and {*fields} <= scan.get("keyPattern", {}).keys()


def index_scans(plan: object) -> Iterator[Document]:
    """Yield each scan of an index in a query plan, but not in those that were rejected."""
    if isinstance(plan, dict):
        if "isMultiKey" in plan:
            yield plan
        plan = [each for name, each in plan.items() if name != "rejectedPlans"]
    for each in plan if isinstance(plan, list) else ():
        yield from index_scans(each)
