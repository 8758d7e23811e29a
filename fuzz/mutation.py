"""Mutations of JSON into other JSON, which byte mutations rarely achieve."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from fuzz.seeds import EVENT, FEEDBACK, ODD_VALUES

# Spellings of odd numbers and repeated keys that Python's own JSON never writes.
SPELLINGS = [
    *("-0", "-0.0", "1E2", "1e-400", "1e999", "123456789012345678901234567890.5"),
    *('{"a":1,"b":2,"a":3}', '"\\u0000"', '"\\ud83d\\ude00"', '"\\ud800"', "[]", "{}", "\ufeff1"),
]
NAMES = [*EVENT, *FEEDBACK, "_id", "timestamp", "$set", "a.b", "", "\0"]
PLACEHOLDER = "placeholder-018f4b2e"
DEEPEST = 210


def mutate(data: bytes, random: Random, mutate_bytes: Callable[[bytes], bytes]) -> bytes:
    """Return a mutated input."""
    if random.random() < 0.4:  # noqa: PLR2004 (bytes are changed too, or nothing broken is sent)
        return mutate_bytes(data)
    way = random.choice([0, 1, 4, 5])
    try:
        value = json.loads(data[1:])
    except (ValueError, RecursionError):
        value = random.choice([FEEDBACK, EVENT, [EVENT]])
    value = change(value, random)
    text = json.dumps(value, ensure_ascii=random.random() < 0.8)  # noqa: PLR2004 (as above)
    text = text.replace(f'"{PLACEHOLDER}"', random.choice(SPELLINGS))
    return bytes([way]) + text.encode(errors="surrogatepass")


def change(value: Any, random: Random) -> Any:  # noqa: ANN401 (any JSON)
    """Return `value` with one change, at any depth."""
    if value and isinstance(value, dict) and random.random() < 0.8:  # noqa: PLR2004 (go deeper)
        key = random.choice([*value])
        return value | {key: change(value[key], random)}
    if value and isinstance(value, list) and random.random() < 0.8:  # noqa: PLR2004
        index = random.randrange(len(value))
        return [*value[:index], change(value[index], random), *value[index + 1 :]]
    return random.choice([replace, add, wrap, drop])(value, random)


def replace(_: Any, random: Random) -> Any:  # noqa: ANN401
    """Return an unrelated value."""
    return random.choice([random.choice(ODD_VALUES), PLACEHOLDER])


def add(value: Any, random: Random) -> Any:  # noqa: ANN401
    """Return `value` with a new member."""
    new = random.choice([random.choice(ODD_VALUES), PLACEHOLDER])
    if isinstance(value, list):
        return [*value, new] * random.choice([1, 1, 1, 2, 11])
    if isinstance(value, dict):
        return value | {random.choice(NAMES): new}
    return {random.choice(NAMES): value}


def wrap(value: Any, random: Random) -> Any:  # noqa: ANN401
    """Return `value` within arrays or objects."""
    for _ in range(random.choice([1, 2, 3, random.randrange(DEEPEST)])):
        value = random.choice([[value], {"a": value}])
    return value


def drop(value: Any, random: Random) -> Any:  # noqa: ANN401
    """Return `value` without one of its members."""
    if isinstance(value, dict) and value:
        dropped = random.choice([*value])
        return {key: member for key, member in value.items() if key != dropped}
    return value[1:] if isinstance(value, list | str) else None
