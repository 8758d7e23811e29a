"""Documents in raw BSON: copies are exact, and every value can be decoded."""

from collections.abc import Iterable, Iterator
from itertools import islice

from bson import CodecOptions
from bson.binary import UuidRepresentation
from bson.codec_options import DatetimeConversion
from bson.raw_bson import RawBSONDocument
from pymongo import ReadPreference
from pymongo.collection import Collection
from pymongo.cursor import Cursor
from pymongo.database import Database

from insights.kinds import Document
from insights.queries.filters import Filter

# Dates beyond the years 1 to 9999 become `DatetimeMS` instead of an exception. Text that is not
# UTF-8 is decoded with replacement characters. A filter with it matches nothing, so its document
# stays as it is.
RAW = CodecOptions(
    RawBSONDocument,
    tz_aware=True,
    uuid_representation=UuidRepresentation.STANDARD,
    unicode_decode_error_handler="replace",
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
)

# A batch is read and written in one round trip each. Even at 100 ms per document its repair takes
# less than the 10 minutes after which MongoDB closes an idle cursor.
BATCH_SIZE = 1000


def raw_collection(database: Database[Document], name: str) -> Collection[RawBSONDocument]:
    """Return a collection that reads raw documents from the primary, which also writes them."""
    return database.with_options(RAW, ReadPreference.PRIMARY)[name]


def batches(found: Cursor[RawBSONDocument]) -> Iterator[list[RawBSONDocument]]:
    """Yield the documents of a cursor in lists of at most `BATCH_SIZE`."""
    found.batch_size(BATCH_SIZE)
    while batch := list(islice(found, BATCH_SIZE)):
        yield batch


def in_key_order(documents: Iterable[RawBSONDocument]) -> list[RawBSONDocument]:
    """Return documents in the order in which the functions write their groups.

    Bulk writes that lock the same documents in different orders deadlock on Azure DocumentDB.
    """
    return sorted(documents, key=key_order)


def key_order(document: RawBSONDocument) -> tuple[str, ...]:
    """Return a sort key for `_id`s of any type."""
    key = document["_id"]
    values = key.values() if isinstance(key, RawBSONDocument) else [key]
    return type(key).__name__, *map(str, values)


def unchanged(document: RawBSONDocument) -> Filter:
    """Return a filter that matches a document only while its fields are as read.

    Filters cannot name fields with dots or a leading `$`; neither the functions nor the earlier
    backend store any at the top level.
    """
    return {
        name: {"$eq": value}
        for name, value in document.items()
        if name and "." not in name and not name.startswith("$")
    }
