"""The columns of an export: the stored fields, and one for each key of flattened details.

Fields that only other programs store come after those of the functions.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from bson.datetime_ms import DatetimeMS

from insights.errors import Refused
from insights.exports.details import DETAILS, field_name, flatten
from insights.exports.sources import Batch, Source
from insights.kinds import Document, Field, Kind, Type

# Spreadsheets become unusable far below. The rarest keys share a column.
MAXIMUM_COLUMNS = 1000

# A bound on memory, for keys that are ids: the rarer half is forgotten.
MAXIMUM_NAMES = 20 * MAXIMUM_COLUMNS

# Doubles hold every integer up to this size.
LARGEST_EXACT = 2**53

DETAILS_COLUMN = Field(DETAILS, Type.JSON)
OTHERS_COLUMN = Field("other_fields", Type.JSON)

SCALARS = {str, bool, int, float, datetime, DatetimeMS}

Watched = Callable[[Iterator[Batch]], Iterator[Batch]]
"""Passes batches on, and may show progress."""


class LargeInteger(int):
    """Marks integers that a double cannot hold exactly."""


class Unknown:
    """Marks a name whose earlier values may be forgotten."""


class Names:
    """The names of fields, with their frequency and the classes of their values."""

    def __init__(self) -> None:
        self._kinds: dict[str, set[type | None]] = {}
        self._counts: Counter[str] = Counter()
        self._forgot = False

    def add(self, name: str, value: object) -> None:
        """Count a name, and note the class of its value."""
        if name not in self._kinds:
            self._kinds[name] = {Unknown} if self._forgot else set()
        self._kinds[name].add(class_of(value))
        self._counts[name] += 1
        if len(self._counts) > MAXIMUM_NAMES:
            self._forget()

    def _forget(self) -> None:
        self._counts = Counter(dict(self._counts.most_common(MAXIMUM_NAMES // 2)))
        self._kinds = {name: self._kinds[name] for name in self._counts}
        self._forgot = True

    def frequent(self, limit: int) -> list[str]:
        """Return the most frequent names by their own order."""
        in_order = sorted(self._counts, key=lambda name: (-self._counts[name], name))
        return sorted(in_order[: max(limit, 0)])

    def kinds(self, name: str) -> set[type | None]:
        """Return the classes of the values under a name."""
        return self._kinds.get(name, set())

    def has_more(self, limit: int) -> bool:
        """Say whether there are more names than so many."""
        return self._forgot or len(self._counts) > limit


@dataclass(frozen=True)
class Columns:
    """The columns of an export, and the conversion of documents to rows.

    `known` are the fields of the source, and `names` the columns for keys of details and for
    fields that the functions do not store.
    """

    kind: Kind
    known: Collection[str]
    fields: list[Field]
    names: Collection[str]
    flattened: bool

    def to_rows(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield documents as rows.

        Raises:
            Refused: a document that arrived after the columns were found has another field.
        """
        stored = set(self.known) - ({DETAILS} if self.flattened else set())
        for batch in batches:
            yield [
                document if stored >= document.keys() else self._to_row(document, stored)
                for document in batch
            ]

    def _to_row(self, document: Document, stored: Collection[str]) -> Document:
        row: Document = {}
        rest: Document = {}
        others: Document = {}
        for name, value in document.items():
            if name in stored:
                row[name] = value
            elif name == DETAILS and self.flattened:
                rest = self._add_details(row, value)
            elif (column := field_name("", name)) in self.names:
                row[column] = value
            else:
                others[name] = value
        self._add_rest(row, DETAILS_COLUMN, rest)
        self._add_rest(row, OTHERS_COLUMN, others)
        return row

    def _add_details(self, row: Document, details: object) -> Document:
        """Add the details that have columns to a row; return the other details."""
        flat = flatten({DETAILS: details})
        if DETAILS in flat:
            row[DETAILS] = flat.pop(DETAILS)
        row |= {name: value for name, value in flat.items() if name in self.names}
        return {
            name.removeprefix(f"{DETAILS}."): value
            for name, value in flat.items()
            if name not in self.names
        }

    def _add_rest(self, row: Document, column: Field, rest: Document) -> None:
        if rest:
            if column not in self.fields:
                raise Refused(
                    f"{self.kind} with other fields arrived during the export: run it again"
                )
            row[column.name] = rest


def find_columns(source: Source, watched: Watched, *, flattened: bool) -> Columns:
    """Return the columns that the documents of a source have."""
    details, others = Names(), Names()
    for document in source.other_fields():
        for name, value in document.items():
            others.add(field_name("", name), value)
    if flattened:
        for batch in watched(source.values_of(DETAILS)):
            for document in batch:
                for name, value in flatten(document).items():
                    details.add(name, value)
    known = source.fields
    if not source.has_only_dates(*(each.name for each in known if each.type is Type.TIME)):
        known = [dated(source, each) for each in known]
    return join(source.kind, known, details, others, flattened=flattened)


def dated(source: Source, field: Field) -> Field:
    """Return a field as a column. A time is a text if not every document has a date there."""
    fits = field.type is not Type.TIME or source.has_only_dates(field.name)
    return field if fits else Field(field.name, Type.TEXT)


def join(
    kind: Kind, known: list[Field], details: Names, others: Names, *, flattened: bool
) -> Columns:
    """Return the columns for the known fields, the names in details, and the other fields."""
    odd_details = details.kinds(DETAILS)
    own = [name for name in details.frequent(MAXIMUM_COLUMNS) if name != DETAILS]
    further = others.frequent(MAXIMUM_COLUMNS - len(own))
    if others.has_more(len(further)):
        further = [name for name in further if name != OTHERS_COLUMN.name]
    fields: list[Field] = []
    for field in known:
        if field != DETAILS_COLUMN or not flattened:
            fields.append(field)
            continue
        if details.has_more(MAXIMUM_COLUMNS):
            fields.append(DETAILS_COLUMN)
        elif odd_details:
            fields.append(Field(DETAILS, common_type(odd_details)))
        fields += [Field(name, common_type(details.kinds(name))) for name in own]
    fields += [Field(name, common_type(others.kinds(name), Type.TEXT)) for name in further]
    if others.has_more(len(further)):
        fields.append(OTHERS_COLUMN)
    names = [field.name for field in known]
    return Columns(kind, names, fields, frozenset([*own, *further]), flattened)


def class_of(value: object) -> type | None:
    """Return the class of a value, with `LargeInteger` for inexact integers."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return int if abs(value) <= LARGEST_EXACT else LargeInteger
    return type(value)


def common_type(classes: set[type | None], mixed: Type = Type.JSON) -> Type:  # noqa: PLR0911 (a table)
    """Return the type of a column with values of these classes. Null fits every type.

    Texts, numbers and times together are of the type `mixed`; everything else is JSON.
    """
    match classes - {None}:
        case present if present <= {str}:
            return Type.TEXT
        case present if present <= {bool}:
            return Type.BOOLEAN
        case present if present <= {int, LargeInteger}:
            return Type.INTEGER
        case present if present <= {int, float}:
            return Type.NUMBER
        case present if present <= {datetime}:
            return Type.TIME
        case present if present <= {datetime, DatetimeMS, str}:
            return Type.TEXT
        case present if present <= {LargeInteger, *SCALARS}:
            return mixed
        case _:
            return Type.JSON
