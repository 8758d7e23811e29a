"""Readers of exports by csv, json and pyarrow, and events that are hard to export."""

import csv
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from bson import ObjectId
from pyarrow import parquet
from pymongo.database import Database

from tests.support.documents import NOON, Document, an_event, nested

Reader = Callable[[Path], list[Document]]


def read_json_lines(path: Path) -> list[Document]:
    """Return the objects in a file of JSON lines."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def read_csv(path: Path) -> list[Document]:
    """Return the rows of a CSV file without empty cells, details and reasons parsed."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    found = [{name: cell for name, cell in row.items() if cell} for row in rows]
    return [parse_json(row) for row in found]


def read_parquet(path: Path) -> list[Document]:
    """Return the rows of a Parquet file without nulls, details and reasons parsed."""
    rows = parquet.read_table(path).to_pylist()
    found = [{name: value for name, value in row.items() if value is not None} for row in rows]
    return [parse_json(with_iso_times(row)) for row in found]


def parse_json(row: Document) -> Document:
    """Return a row with its details and reasons parsed from JSON."""
    return row | {name: json.loads(row[name]) for name in ("details", "reasons") if name in row}


def with_iso_times(row: Document) -> Document:
    """Return a row with its times as ISO texts."""
    return {
        name: iso(value) if isinstance(value, datetime) else value for name, value in row.items()
    }


def iso(time: datetime) -> str:
    """Return a time in the format of exports."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z".rjust(24, "0")


READERS: dict[str, Reader] = {
    "csv": read_csv,
    "jsonl": read_json_lines,
    "parquet": read_parquet,
}

DIFFICULT: list[Document] = [
    {},
    {"largest": 2**63 - 1, "smallest": -(2**63), "beyond a double": 2**53 + 1},
    {"tiny": 5e-324, "huge": 1.7976931348623157e308, "third": 1 / 3, "whole": 1e16, "none": -0.0},
    {"null": None, "true": True, "false": False, "empty": [{}, [], "", None]},
    {"Größe": "größer 👍🏽 \u2028 \u202e", "\U0001f600": "\x00\x01\x1b\x7f\t\r\n", "": "empty key"},
    {"quotes": '"it\'s" ,;\\', "lines": "a\r\nb\rc\nd", "formula": "=1+1"},
    {"a.b": {"c": 1}, "a": {"b.c": 2, "b": {"c": 3}}, '"a.b"': 4, "$set": {"$inc": 1}},
    {
        "one": {"$ref": "x", "$id": 1},
        "two": [{"$ref": "x", "$id": {"$ref": "y", "$id": 2}, "z": 3}],
    },
    {"odd": {"$ref": 1, "$id": 2}, "id": {"$oid": "x"}, "date": {"$date": 5}},
    nested(178),
    {"long": "x" * 30_000, "many": list(range(1000))},
]


def some_value(chance: random.Random, depth: int = 0) -> Any:
    """Return a random JSON value."""
    makers: list[Callable[[], Any]] = [
        lambda: None,
        lambda: chance.random() < 0.5,
        lambda: chance.randint(-(2**63), 2**63 - 1),
        lambda: chance.randint(-9, 9),
        lambda: chance.uniform(-1, 1) * 10.0 ** chance.randint(-300, 300),
        lambda: some_text(chance),
        lambda: [some_value(chance, depth + 1) for _ in range(chance.randint(0, 3))],
        lambda: some_object(chance, depth + 1),
    ]
    return chance.choice(makers[: None if depth < 5 else -2])()


def some_text(chance: random.Random) -> str:
    """Return a random text, often with characters that are special in a format."""
    alphabet = [".", '"', "'", ",", "\r", "\n", "\0", "$", "=", "ä", "漢", "😀", " ", "a", "b"]
    return "".join(chance.choices(alphabet, k=chance.randint(0, 6)))


def some_object(chance: random.Random, depth: int = 0) -> Document:
    """Return a random object, without NUL in keys, which BSON refuses."""
    keys = [some_text(chance).replace("\0", "") for _ in range(chance.randint(0, 4))]
    return {key: some_value(chance, depth) for key in keys}


def difficult_events() -> Iterator[Document]:
    """Yield events with every kind of value that the function stores, oldest first."""
    chance = random.Random(5)  # noqa: S311 (the same values in every run)
    various = [some_object(chance) for _ in range(500)]
    for number, details in enumerate(DIFFICULT + various):
        yield {
            "_id": ObjectId() if number % 2 else UUID(int=chance.getrandbits(128), version=4),
            "user_id": f"user, {number}",
            "event_type": 'the "Größe" of\r\nit',
            "details": details,
            "timestamp": NOON + timedelta(milliseconds=number),
        }


# Enough that a signal arrives midway.
MANY = 100_000


def fill(database: Database[Document], number: int = MANY, text: str = "") -> None:
    """Let MongoDB generate `number` events from one."""
    seed = an_event(NOON, details={"text": text})
    times = {"$map": {"input": {"$range": [0, number]}, "in": {"$add": [NOON, "$$this"]}}}
    database.seed.insert_one(seed | {"timestamp": None})
    database.seed.aggregate(
        [
            {"$set": {"timestamp": times}},
            {"$unwind": "$timestamp"},
            {"$unset": "_id"},
            {"$out": "analytics"},
        ]
    )
    database.seed.drop()


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the files in a folder: their names and contents."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
