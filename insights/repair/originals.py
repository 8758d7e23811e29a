"""The collection `repaired`: originals of the documents that a repair changed or removed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

from insights.kinds import Document
from insights.repair.writes import insert_absent

REPAIRED = "repaired"


def keep(
    database: Database[Document], collection: str, documents: Sequence[RawBSONDocument]
) -> None:
    """Store the originals of documents, confirmed by a majority, before they are changed.

    Idempotent: an original that is already stored stays as it is.

    Raises:
        Refused: MongoDB does not store one.
    """
    if documents:
        now = datetime.now(UTC)
        copies = [to_copy(collection, document, now) for document in documents]
        insert_absent(database[REPAIRED], copies)


def to_copy(collection: str, document: RawBSONDocument, now: datetime) -> Document:
    """Return the copy to store.

    The digest in its `_id` tells the originals of a document apart: one that is repaired, replaced
    by the functions and repaired again has two.
    """
    digest = sha256(document.raw).hexdigest()
    key = {"collection": collection, "_id": document["_id"], "digest": digest}
    return {"_id": key, "document": document, "repaired_at": now}
