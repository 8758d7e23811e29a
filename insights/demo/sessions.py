"""The documents of the imagined application: its chat sessions and its users."""

from collections.abc import Sequence
from datetime import datetime

from insights.demo.answers import Answer
from insights.kinds import Document

SESSIONS, USERS = "sessions", "users"


def exchange(answer: Answer, text: str, asked: datetime, answered: datetime) -> list[Document]:
    """Return the messages of a question and its answer, which has this text."""
    question_id = f"question-{answer.message_id.partition('-')[2]}"
    return [
        {
            "message_id": question_id,
            "role": "user",
            "content": answer.question,
            "timestamp": asked,
        },
        {
            "message_id": answer.message_id,
            "role": "assistant",
            "content": text,
            "model": answer.model,
            "timestamp": answered,
        },
    ]


def session(user_id: str, messages: Sequence[Document]) -> Document:
    """Return a session that begins with the first of its messages."""
    return {
        "_id": f"session-{messages[-1]['message_id']}",
        "user_id": user_id,
        "created_at": messages[0]["timestamp"],
        "messages": list(messages),
    }


def user(user_id: str, plan: str, language: str, signed_up: datetime) -> Document:
    """Return a user's record."""
    return {"_id": user_id, "plan": plan, "language": language, "signed_up": signed_up}
