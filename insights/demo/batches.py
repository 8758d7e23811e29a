"""Inserting many documents, in batches."""

from collections import Counter, defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from insights.kinds import Document
from insights.repair.writes import DUPLICATE_KEY, errors_in, refused

BATCH_SIZE = 5_000


class Batches:
    """Inserts documents while the next ones are generated, at most one batch at a time.

    `stored` counts the new documents of each collection.
    """

    def __init__(self, database: Database[Document]) -> None:
        self.database = database
        self.stored = Counter[str]()
        self.waiting = defaultdict[str, list[Document]](list)
        self.executor = ThreadPoolExecutor(1)
        self.sending: tuple[str, Future[int]] | None = None

    def __enter__(self) -> Self:
        """Return the batches themselves."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Insert the documents that wait, unless an exception ends the block."""
        if error is None:
            for collection in list(self.waiting):
                self.send(collection)
            self.settle()
        # A MongoDB that hangs must not delay the exit.
        self.executor.shutdown(wait=False)

    def add(self, collection: str, document: Document) -> bool:
        """Add a document; return whether it completed a batch.

        Raises:
            Refused: MongoDB refused an earlier batch.
        """
        self.waiting[collection].append(document)
        is_full = len(self.waiting[collection]) == BATCH_SIZE
        if is_full:
            self.send(collection)
        return is_full

    def send(self, collection: str) -> None:
        """Begin to insert the documents that wait for a collection, after the batch before."""
        self.settle()
        documents = self.waiting.pop(collection)
        future = self.executor.submit(insert_new, self.database[collection], documents)
        self.sending = collection, future

    def settle(self) -> None:
        """Wait until the last batch is stored, and count it."""
        if self.sending:
            collection, future = self.sending
            self.sending = None
            self.stored[collection] += future.result()


def insert_new(collection: Collection[Document], documents: list[Document]) -> int:
    """Insert the documents whose `_id` is not stored yet; return their number.

    Raises:
        Refused: MongoDB does not store one for another reason.
    """
    try:
        return len(collection.insert_many(documents, ordered=False).inserted_ids)
    except BulkWriteError as error:
        errors = [each for each in errors_in(error) if each.get("code") != DUPLICATE_KEY]
        if errors:
            raise refused(errors[0]) from None
        return int(error.details["nInserted"])
