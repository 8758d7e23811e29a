"""Feedback with the text of the rated message and the question that it answers."""

from collections.abc import Iterable, Iterator, Sequence

from pymongo.database import Database

from insights.errors import UsageError
from insights.kinds import Document, Field, Type
from insights.messages.records import BATCH_SIZE, batches, find_messages
from insights.messages.texts import text_fields
from insights.queries.documents import as_text
from insights.settings import Settings
from insights.wording import show_number

TEXT = Field("message_text", Type.TEXT)
QUESTION = Field("question", Type.TEXT)


def require_lookup(settings: Settings) -> None:
    """Check that the application's messages are known.

    Raises:
        UsageError: MESSAGE_LOOKUP is not set.
    """
    if not settings.message_lookup:
        raise UsageError(
            "--messages needs the setting MESSAGE_LOOKUP, the collection and the field of the "
            "messages' ids, such as sessions.messages.message_id (see docs/deployment.md)"
        )


def with_own_names(feedback: Document) -> Document:
    """Return a feedback in which another program's `question` is named `stored_question`.

    This frees the names of the two added fields.
    """
    return {stored_name(name, feedback): value for name, value in feedback.items()}


def stored_name(name: str, feedback: Document) -> str:
    """Return the name of a stored field beside the added ones."""
    if name in {TEXT.name, QUESTION.name}:
        name = f"stored_{name}"
        while name in feedback:
            name = f"stored_{name}"
    return name


class RatedMessages:
    """Adds the fields `TEXT` and `QUESTION` to feedback, and counts the feedback without a text."""

    def __init__(self, database: Database[Document], settings: Settings) -> None:
        self.database = database
        self.settings = settings
        self.unknown = 0
        self.without_text = 0

    def added_to(self, feedback: Iterable[Document]) -> Iterator[Document]:
        """Yield feedback with the two fields, where there are texts; reads in batches."""
        for batch in batches(feedback, BATCH_SIZE):
            yield from self.added_to_batch(batch)

    def added_to_batch(self, feedback: Sequence[Document]) -> list[Document]:
        """Return a batch of feedback with the two fields, where there are texts."""
        ids = (each.get("message_id") for each in feedback)
        messages = find_messages(self.database, self.settings, ids)
        found = []
        for each in feedback:
            message = messages.get(as_text(each.get("message_id")))
            texts = {TEXT: message.text, QUESTION: message.question} if message else {}
            added = {field.name: text for field, text in texts.items() if text is not None}
            found.append(with_own_names(each) | added)
            self.unknown += message is None
            self.without_text += message is not None and message.text is None
        return found

    def notes(self) -> Iterator[str]:
        """Yield a line for each reason for which feedback has no text."""
        if self.unknown:
            yield (
                f"{show_number(self.unknown)} feedback without a text: "
                f"no message with the id in {self.settings.message_lookup}"
            )
        if self.without_text:
            fields = ", ".join(text_fields(self.settings))
            yield (
                f"{show_number(self.without_text)} feedback without a text: "
                f"the message has none in {fields} (MESSAGE_TEXT names another field)"
            )
