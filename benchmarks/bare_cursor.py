"""Read all events with the bare cursor of PyMongo, and do nothing with them."""

import os
from collections import deque
from typing import Any

from pymongo import MongoClient

if __name__ == "__main__":
    with MongoClient[dict[str, Any]](os.environ["MONGODB_URI"]) as client:
        deque(client[os.environ["MONGODB_DATABASE"]]["analytics"].find(), maxlen=0)
    # As `insights` ends: a normal end waits half a second for PyMongo's threads.
    os._exit(0)
