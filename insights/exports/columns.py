"""The columns of an export: the stored fields, and one for each key of flattened details.

Fields that only other programs store come after those of the functions.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import NoneType

from bson import Binary, DBRef, Int64, ObjectId
from bson.datetime_ms import DatetimeMS

from insights.errors import Refused
from insights.exports.details import DETAILS, key_of
from insights.exports.sources import Batch, Source
from insights.exports.tables import Part, merged, to_parts
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

# BSON's classes that are columns like those of JSON.
SAME_COLUMN: dict[type, type] = {Int64: int, ObjectId: str, Binary: str, bytes: str, DBRef: dict}


class LargeInteger(int):
    """Marks integers that a double cannot hold exactly."""


class Unknown:
    """Marks a name whose earlier values may be forgotten."""


class Names:
    """The names of fields, with their frequency and the classes of their values."""

    def __init__(self) -> None:
        self._classes: dict[str, set[type]] = {}
        self._counts: Counter[str] = Counter()
        self._forgot = False
        self.version = 0
        """Grows with each new name, and each new class of values."""

    def add(self, name: str, classes: set[type], count: int) -> None:
        """Count a name, and note the classes of its values."""
        if name not in self._classes:
            self._classes[name] = {Unknown} if self._forgot else set()
        if not self._classes[name] >= classes:
            self._classes[name] |= classes
            self.version += 1
        self._counts[name] += count
        if len(self._counts) > MAXIMUM_NAMES:
            self._forget()

    def _forget(self) -> None:
        self._counts = Counter(dict(self._counts.most_common(MAXIMUM_NAMES // 2)))
        self._classes = {name: self._classes[name] for name in self._counts}
        self._forgot = True

    def frequent(self, limit: int) -> list[str]:
        """Return the most frequent names by their own order."""
        in_order = sorted(self._counts, key=lambda name: (-self._counts[name], name))
        return sorted(in_order[: max(limit, 0)])

    def classes(self, name: str) -> set[type]:
        """Return the classes of the values under a name."""
        return self._classes.get(name, set())

    def has_more(self, limit: int) -> bool:
        """Say whether there are more names than so many."""
        return self._forgot or len(self._counts) > limit


@dataclass(frozen=True)
class Columns:
    """The columns of an export, and the places of stored values in them.

    `names` are the stored fields that have a column, and `flattened` says whether keys of details
    have some.
    """

    kind: Kind
    fields: list[Field]
    names: Collection[str]
    flattened: bool

    def arranged(self, parts: Iterable[Part]) -> dict[str, Part]:
        """Return the values of each column.

        Raises:
            Refused: a document that arrived after the columns were found has another field.
        """
        own: list[Part] = []
        rest: list[Part] = []
        details: list[Part] = []
        for part in parts:
            if part.name in self.names:
                own.append(part)
            elif self.flattened and is_in_details(part.name):
                details.append(part._replace(name=part.name.removeprefix(f"{DETAILS}.")))
            else:
                rest.append(part._replace(name=key_of(part.name)))
        own += [*self._shared(DETAILS_COLUMN, details), *self._shared(OTHERS_COLUMN, rest)]
        return merged(own)

    def _shared(self, column: Field, parts: Iterable[Part]) -> Iterable[Part]:
        """Yield parts as objects in one column."""
        objects: defaultdict[int, Document] = defaultdict(dict)
        for name, rows, values in parts:
            for row, value in zip(rows, values, strict=True):
                objects[row][name] = value
        if objects:
            if column not in self.fields:
                raise Refused(
                    f"{self.kind} with other fields arrived during the export: run it again"
                )
            yield Part(column.name, list(objects), list(objects.values()))


class FoundColumns:
    """The columns for all documents that were looked at so far."""

    def __init__(self, source: Source, *, flattened: bool) -> None:
        self._kind = source.kind
        self._known = {field.name: field for field in source.fields}
        self._flattened = flattened
        self._details = Names()
        self._others = Names()
        self._times = Names()
        self._compared = -1
        self._equal = True

    def add(self, parts: Iterable[Part]) -> None:
        """Look at a batch."""
        for part in parts:
            names = self._names(part.name)
            if names is not None:
                names.add(part.name, classes_of(part.values), len(part.values))

    def add_all(self, batches: Iterable[Batch]) -> None:
        """Look at batches."""
        for batch in batches:
            self.add(to_parts(batch, flattened=self._flattened))

    def _names(self, name: str) -> Names | None:
        if self._flattened and is_in_details(name):
            return self._details
        known = self._known.get(name)
        if known is None:
            return self._others
        return self._times if known.type is Type.TIME else None

    def fit(self, columns: Columns) -> bool:
        """Say whether these are still the columns, whatever else the frequencies of names are."""
        version = self._details.version + self._others.version + self._times.version
        if version != self._compared:
            self._compared = version
            self._equal = not self._share and self.columns().fields == columns.fields
        return self._equal

    @property
    def _share(self) -> bool:
        """Whether some fields share a column, which depends on the frequencies of names."""
        own = len(self._details.frequent(MAXIMUM_COLUMNS))
        too_many = self._details.has_more(MAXIMUM_COLUMNS)
        return too_many or self._others.has_more(MAXIMUM_COLUMNS - own)

    def columns(self) -> Columns:
        """Return them."""
        details, others = self._details, self._others
        own = [name for name in details.frequent(MAXIMUM_COLUMNS) if name != DETAILS]
        further = others.frequent(MAXIMUM_COLUMNS - len(own))
        share = others.has_more(len(further))
        if share:
            further = [name for name in further if name != OTHERS_COLUMN.name]
        fields: list[Field] = []
        for field in self._known.values():
            if self._flattened and field == DETAILS_COLUMN:
                fields += self._details_columns(own)
            else:
                fields.append(self._dated(field))
        fields += [Field(name, common_type(others.classes(name), Type.TEXT)) for name in further]
        names = frozenset(field.name for field in fields)
        return Columns(
            self._kind, [*fields, *([OTHERS_COLUMN] if share else [])], names, self._flattened
        )

    def _details_columns(self, names: list[str]) -> Iterable[Field]:
        if self._details.has_more(MAXIMUM_COLUMNS):
            yield DETAILS_COLUMN
        elif odd := self._details.classes(DETAILS):
            yield Field(DETAILS, common_type(odd))
        for name in names:
            yield Field(name, common_type(self._details.classes(name)))

    def _dated(self, field: Field) -> Field:
        """Return a field as a column. A time is a text if not every document has a date there."""
        fits = field.type is not Type.TIME or self._times.classes(field.name) <= {
            datetime,
            NoneType,
        }
        return field if fits else Field(field.name, Type.TEXT)


def is_in_details(name: str) -> bool:
    """Say whether a name is that of flattened details; a field named like one is quoted."""
    return name == DETAILS or name.startswith(f"{DETAILS}.")


def classes_of(values: Sequence[object]) -> set[type]:
    """Return the classes of values, with `LargeInteger` for inexact integers."""
    classes = {SAME_COLUMN.get(each, each) for each in set(map(type, values))}
    if int in classes:
        integers = values if len(classes) == 1 else [v for v in values if isinstance(v, int)]
        if max(map(abs, integers)) > LARGEST_EXACT:  # type: ignore[arg-type]
            classes.add(LargeInteger)
    return classes


def common_type(classes: set[type], mixed: Type = Type.JSON) -> Type:  # noqa: PLR0911 (a table)
    """Return the type of a column with values of these classes. Null fits every type.

    Texts, numbers and times together are of the type `mixed`; everything else is JSON.
    """
    match classes - {NoneType}:
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
