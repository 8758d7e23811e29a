"""The documents of events."""

from datetime import datetime
from random import Random

from bson import Binary
from bson.binary import UUID_SUBTYPE

from insights.kinds import Document


def event(
    random: Random, user_id: str, event_type: str, details: Document, time: datetime
) -> Document:
    """Return an event, as the functions' model does, but in a quarter of the time."""
    return {
        "_id": uuid4(random),
        "user_id": user_id,
        "event_type": event_type,
        "details": details,
        "timestamp": time,
    }


def uuid4(random: Random) -> Binary:
    """Return a random UUID (RFC 9562, 5.4)."""
    octets = bytearray(random.randbytes(16))
    octets[6] = octets[6] & 0x0F | 0x40
    octets[8] = octets[8] & 0x3F | 0x80
    return Binary(bytes(octets), UUID_SUBTYPE)
