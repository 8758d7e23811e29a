"""Read all events with PyMongo's bare cursor, and discard them."""

import os
from collections import deque
from typing import Any

from pymongo import MongoClient

if __name__ == "__main__":
    with MongoClient[dict[str, Any]](os.environ["MONGODB_URI"]) as client:
        deque(client[os.environ["MONGODB_DATABASE"]]["analytics"].find(), maxlen=0)
    # As `insights` exits: a normal exit waits half a second for PyMongo's threads.
    os._exit(0)
