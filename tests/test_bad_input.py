"""Invalid requests: the status, the problem document, and nothing stored."""

import gzip
import json
import tracemalloc
import zlib
from typing import Any
from uuid import UUID

import pytest
from pymongo.database import Database

from tests.support.documents import Document, nested
from tests.support.functions import BODIES, GZIP, NAMES, Post, body_of


@pytest.fixture(autouse=True)
def assert_nothing_is_stored(fresh_database: Database[Document]) -> Any:
    """Fail a test that stores anything."""
    yield
    assert fresh_database.feedback.count_documents({}) == 0
    assert fresh_database.analytics.count_documents({}) == 0


def problem_of(response: Any, status: int) -> Document:
    """Return a response's problem document, after checking it (RFC 9457)."""
    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    problem: Document = body_of(response)
    assert problem["status"] == status
    assert problem["type"].startswith("urn:up2d8:problem:")
    assert problem["title"]
    assert problem["detail"]
    return problem


@pytest.mark.parametrize("function", NAMES)
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b" \n", id="white space"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"rating=up", id="form"),
        pytest.param(b"{'user_id': 'u1'}", id="single quotes"),
        pytest.param(b'{"user_id": "u1",}', id="trailing comma"),
        pytest.param(b'{"user_id": "u1"} {}', id="trailing text"),
        pytest.param(b'{"user_id": "u\n1"}', id="control character"),
        pytest.param(b'{"user_id": "\xff"}', id="invalid UTF-8"),
        pytest.param(b'{"user_id": "\xed\xa0\x80"}', id="surrogate in UTF-8"),
        pytest.param(b'{"user_id": "\\ud800"}', id="lone surrogate"),
        pytest.param(b'{"reasons": ["\\ud800"]}', id="lone surrogate in a list"),
        pytest.param(b'{"user_id": "\\udc00\\ud800"}', id="surrogates in the wrong order"),
        pytest.param(b'\xef\xbb\xbf{"user_id": "u1"}', id="byte order mark"),
        pytest.param('{"user_id": "u1"}'.encode("utf-16"), id="UTF-16"),
        pytest.param('{"user_id": "u1"}'.encode("utf-32"), id="UTF-32"),
        pytest.param(b'{"details": {"n": NaN}}', id="NaN"),
        pytest.param(b'{"details": {"n": Infinity}}', id="Infinity"),
        pytest.param(b'{"details": {"n": -Infinity}}', id="-Infinity"),
        pytest.param(b'{"details": {"n": 1' + b"0" * 5000 + b"}}", id="5,000 digits"),
        pytest.param(b"[" * 202 + b"]" * 202, id="more than 200 levels"),
        pytest.param(b"[" * 30_000, id="30,000 levels"),
    ],
)
async def test_refuses_invalid_json(post: Post, function: str, body: bytes) -> None:
    problem = problem_of(await post(function, body), 400)

    assert problem["type"] == "urn:up2d8:problem:malformed-body"


@pytest.mark.parametrize(("levels", "status"), [(10_000, 400), (100_000, 422)])
async def test_refuses_json_nested_too_deep(post: Post, levels: int, status: int) -> None:
    problem_of(await post("analytics", b'{"details": ' + b'{"a":' * levels), status)
    problem_of(await post("analytics", b"[" * levels), status)


@pytest.mark.parametrize("value", ["text", 5, 1.5, True, None])
@pytest.mark.parametrize("function", NAMES)
async def test_refuses_json_other_than_objects(post: Post, function: str, value: Any) -> None:
    problem = problem_of(await post(function, value), 422)

    assert problem["errors"] == [{"pointer": "#", "detail": "must be a JSON object"}]


async def test_refuses_an_array_of_feedback(post: Post) -> None:
    problem = problem_of(await post("feedback", [BODIES["feedback"]]), 422)

    assert problem["errors"] == [{"pointer": "#", "detail": "must be a JSON object"}]


@pytest.mark.parametrize(
    ("function", "field"),
    [(function, field) for function in NAMES for field in BODIES[function]],
)
async def test_names_each_missing_field(post: Post, function: str, field: str) -> None:
    body = {name: value for name, value in BODIES[function].items() if name != field}
    problem = problem_of(await post(function, body), 422)

    assert problem["type"] == "urn:up2d8:problem:invalid-fields"
    assert problem["errors"] == [{"pointer": f"#/{field}", "detail": "is required"}]


WRONG_STRINGS: list[tuple[Any, str]] = [
    (5, "must be a string"),
    (True, "must be a string"),
    (None, "must be a string"),
    ([], "must be a string"),
    ({"$ne": None}, "must be a string"),
    ("", "must have at least 1 character"),
]
DATE_TIME = "must be an RFC 3339 date-time with an offset, such as 2026-01-31T09:30:00Z"


@pytest.mark.parametrize(
    ("function", "field", "value", "detail"),
    [
        *(
            (function, field, value, detail)
            for function in NAMES
            for field in BODIES[function]
            if field != "details"
            for value, detail in [*WRONG_STRINGS, ("a\0b", "must not hold a NUL character")]
        ),
        ("feedback", "message_id", "m" * 201, "must have at most 200 characters"),
        ("feedback", "user_id", "u" * 201, "must have at most 200 characters"),
        ("feedback", "rating", "r" * 65, "must have at most 64 characters"),
        ("feedback", "rating", " \t\n", "must not be blank"),
        ("feedback", "rating", "\u2003\u00a0", "must not be blank"),
        ("feedback", "comment", 5, "must be a string"),
        ("feedback", "comment", ["a"], "must be a string"),
        ("feedback", "comment", "c" * 4001, "must have at most 4000 characters"),
        ("feedback", "reasons", "wrong", "must be an array"),
        ("feedback", "reasons", {"wrong": True}, "must be an array"),
        ("feedback", "reasons", 5, "must be an array"),
        ("feedback", "reasons", ["a"] * 11, "must have at most 10 items"),
        ("feedback", "reasons", [5] * 9_000, "must have at most 10 items"),
        ("analytics", "user_id", "u" * 201, "must have at most 200 characters"),
        ("analytics", "event_type", "e" * 201, "must have at most 200 characters"),
        ("analytics", "details", None, "must be a JSON object"),
        ("analytics", "details", "text", "must be a JSON object"),
        ("analytics", "details", [1], "must be a JSON object"),
        ("analytics", "details", 5, "must be a JSON object"),
        ("analytics", "event_id", "", "must be a UUID"),
        ("analytics", "event_id", "not-a-uuid", "must be a UUID"),
        ("analytics", "event_id", 5, "must be a UUID"),
        ("analytics", "event_id", str(UUID(int=0)), "must not be the nil or the max UUID"),
        ("analytics", "event_id", "F" * 32, "must not be the nil or the max UUID"),
        ("analytics", "event_id", {}, "must be a UUID"),
        *(
            ("analytics", "occurred_at", value, DATE_TIME)
            for value in [
                "",
                "yesterday",
                "2026-01-31",
                "2026-01-31T09:30:00",
                "2026-01-31T09:30Z",
                "2026-02-30T09:30:00Z",
                "2026-01-31T24:00:00Z",
                "2026-01-31T09:30:00+25:00",
                "0000-01-01T00:00:00Z",
                "0001-01-01T00:00:00+14:00",
                "9999-12-31T23:59:59-14:00",
                "١٢٣٤-01-31T09:30:00Z",
                "1767225600",
                1767225600,
                1767225600.5,
                {},
            ]
        ),
    ],
)
async def test_names_the_error_of_a_field(
    post: Post, function: str, field: str, value: Any, detail: str
) -> None:
    problem = problem_of(await post(function, BODIES[function] | {field: value}), 422)

    assert problem["errors"] == [{"pointer": f"#/{field}", "detail": detail}]


async def test_names_the_error_of_each_reason(post: Post) -> None:
    reasons = ["wrong", 5, None, [], {}, "", " \t", "a\0b", "r" * 65, "outdated"]
    problem = problem_of(await post("feedback", BODIES["feedback"] | {"reasons": reasons}), 422)

    assert [(error["pointer"], error["detail"]) for error in problem["errors"]] == [
        ("#/reasons/1", "must be a string"),
        ("#/reasons/2", "must be a string"),
        ("#/reasons/3", "must be a string"),
        ("#/reasons/4", "must be a string"),
        ("#/reasons/5", "must have at least 1 character"),
        ("#/reasons/6", "must not be blank"),
        ("#/reasons/7", "must not hold a NUL character"),
        ("#/reasons/8", "must have at most 64 characters"),
    ]


async def test_lists_at_most_ten_errors_of_fields_and_reasons_together(post: Post) -> None:
    problem = problem_of(await post("feedback", {"rating": 1, "reasons": [1] * 10}), 422)

    pointers = [error["pointer"] for error in problem["errors"]]
    assert pointers == ["#/message_id", "#/user_id", "#/rating"] + [
        f"#/reasons/{index}" for index in range(7)
    ]


@pytest.mark.parametrize(
    ("field", "pointer"),
    [
        ("extra", "#/extra"),
        ("timestamp", "#/timestamp"),
        ("_id", "#/_id"),
        ("$set", "#/$set"),
        ("", "#/"),
        ("a/b~c", "#/a~1b~0c"),
        ("é %", "#/%C3%A9%20%25"),
    ],
)
@pytest.mark.parametrize("function", NAMES)
async def test_refuses_unknown_fields_by_name(
    post: Post, function: str, field: str, pointer: str
) -> None:
    problem = problem_of(await post(function, BODIES[function] | {field: 1}), 422)

    assert problem["errors"] == [{"pointer": pointer, "detail": "is not a known field"}]


BEYOND_64_BITS = "is an integer that needs more than 64 bits"
TOO_LARGE = "is a number too large for a 64-bit float"
NUL_IN_KEY = "has a key with a NUL character"
TOO_DEEP = "is nested deeper than MongoDB stores"


@pytest.mark.dialects
@pytest.mark.parametrize(
    ("details", "errors"),
    [
        ({"n": 2**63}, [("#/details/n", BEYOND_64_BITS)]),
        ({"n": -(2**63) - 1}, [("#/details/n", BEYOND_64_BITS)]),
        ({"n": 10**4000}, [("#/details/n", BEYOND_64_BITS)]),
        (
            {"list": [0, {"a": 2**64}, 2**65]},
            [("#/details/list/1/a", BEYOND_64_BITS), ("#/details/list/2", BEYOND_64_BITS)],
        ),
        ({"a\0b": 1}, [("#/details", NUL_IN_KEY)]),
        ({"list": [{"\0": 1}]}, [("#/details/list/0", NUL_IN_KEY)]),
        ({"\0": {"a": 2**64}}, [("#/details", NUL_IN_KEY)]),
        (nested(178), []),
        (nested(190), [("#/details", TOO_DEEP)]),
        (nested(198), [("#/details", TOO_DEEP)]),
    ],
)
async def test_points_to_unstorable_details(
    post: Post,
    fresh_database: Database[Document],
    details: Document,
    errors: list[tuple[str, str]],
) -> None:
    response = await post("analytics", BODIES["analytics"] | {"details": details})

    if not errors:
        assert response.status_code == 202
        fresh_database.analytics.delete_many({})
        return
    problem = problem_of(response, 422)
    assert [(error["pointer"], error["detail"]) for error in problem["errors"]] == errors


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
async def test_refuses_numbers_that_become_infinite(post: Post, number: str) -> None:
    body = f'{{"user_id": "u1", "event_type": "e", "details": {{"one": 1.0, "n": [{number}]}}}}'
    problem = problem_of(await post("analytics", body.encode()), 422)

    assert problem["errors"] == [{"pointer": "#/details/n/0", "detail": TOO_LARGE}]


@pytest.mark.parametrize("others", ["", ', {"user_id": "u1"}'])
async def test_refuses_infinite_numbers_in_a_batch_too(
    post: Post, fresh_database: Database[Document], others: str
) -> None:
    event = '{"user_id": "u1", "event_type": "e", "details": {"n": %s}}'
    body = f"[{event % '1e999'}, {event % '1.0'}{others}]"
    problem = body_of(await post("analytics", body.encode()))

    assert problem["logged"] == 1
    assert problem["errors"][0] == {"index": 0, "pointer": "#/0/details/n", "detail": TOO_LARGE}
    assert [each["details"] for each in fresh_database.analytics.find()] == [{"n": 1.0}]
    fresh_database.analytics.delete_many({})


async def test_the_text_infinity_is_not_a_number(
    post: Post, fresh_database: Database[Document]
) -> None:
    details = {"Infinity": ["-Infinity", 1.5]}

    assert (await post("analytics", BODIES["analytics"] | {"details": details})).status_code == 202
    assert [each["details"] for each in fresh_database.analytics.find()] == [details]
    fresh_database.analytics.delete_many({})


@pytest.mark.parametrize("function", NAMES)
async def test_lists_at_most_ten_errors(post: Post, function: str) -> None:
    body = {f"unknown{n}": n for n in range(12)}

    assert len(problem_of(await post(function, body), 422)["errors"]) == 10


@pytest.mark.parametrize("function", NAMES)
async def test_refuses_too_many_fields(post: Post, function: str) -> None:
    body = BODIES[function] | {f"unknown{n}": n for n in range(1000)}
    problem = problem_of(await post(function, body), 422)

    assert problem["errors"] == [{"pointer": "#", "detail": "must have at most 12 fields"}]


@pytest.mark.parametrize("container", ["{}", "[]", "[{}]"])
async def test_refuses_too_many_objects_and_arrays(post: Post, container: str) -> None:
    count = 20_000 * len(container) // 2
    body = f"[{','.join([container] * count)}]".encode()
    problem = problem_of(await post("analytics", body), 422)

    assert problem["errors"] == [
        {"pointer": "#", "detail": "must have at most 20000 objects and arrays"}
    ]


async def test_refuses_too_many_values(post: Post) -> None:
    body = f"[{'0,' * 100_000}0]".encode()
    problem = problem_of(await post("analytics", body), 422)

    assert problem["errors"] == [{"pointer": "#", "detail": "must have at most 100000 values"}]


LARGEST_ANSWER = 64 * 1024
LONG = {"é" * 500: [2**64] * 10}


@pytest.mark.parametrize(
    ("event", "count", "errors", "last"),
    [
        (BODIES["analytics"] | {"details": {"a": [2**64] * 10}}, 40, 400, "#/39/details/a/9"),
        (BODIES["analytics"] | {"details": LONG}, 40, 400, "#/39/details"),
        # The first error of each event.
        (BODIES["analytics"] | {"details": {"a": [2**64] * 3}}, 250, 250, "#/249/details/a/0"),
        # Only the index in the pointer.
        (BODIES["analytics"] | {"occurred_at": "x", "extra" * 20: 1}, 500, 500, "#/499"),
    ],
)
async def test_a_response_names_every_invalid_event_in_at_most_64_kib(
    post: Post, event: Document, count: int, errors: int, last: str
) -> None:
    response = await post("analytics", [event] * count)

    listed = problem_of(response, 422)["errors"]
    assert len(listed) == errors
    assert {each["index"] for each in listed} == set(range(count))
    assert listed[-1]["pointer"] == last
    assert len(response.get_body()) <= LARGEST_ANSWER


async def test_the_last_of_repeated_keys_wins(
    post: Post, fresh_database: Database[Document]
) -> None:
    body = (
        b'{"user_id": 5, "user_id": "u1", "event_type": "e", '
        b'"details": {"a": 1, "a": {"b": 1, "b": 2}}}'
    )
    assert (await post("analytics", body)).status_code == 202
    [stored] = fresh_database.analytics.find()
    fresh_database.analytics.delete_many({})

    assert (stored["user_id"], stored["details"]) == ("u1", {"a": {"b": 2}})


async def test_no_response_repeats_the_clients_values(post: Post) -> None:
    secret = "s3cret-value"  # noqa: S105
    bodies: list[Any] = [
        secret.encode(),
        {"user_id": {"a": secret}, "message_id": 1, "rating": [secret]},
        BODIES["feedback"] | {"reasons": [[secret], secret * 9, f"{secret}\0"]},
        BODIES["feedback"] | {"reasons": {secret: secret}},
        BODIES["analytics"] | {"event_id": secret, "occurred_at": secret, "details": secret},
        BODIES["analytics"] | {"details": {"a": secret, "b": 2**70}},
    ]
    for body in bodies:
        for function in NAMES:
            assert secret.encode() not in (await post(function, body)).get_body()


def sized(function: str, size: int) -> bytes:
    """Return a valid body of exactly `size` bytes."""
    body = json.dumps(BODIES[function]).encode()
    return body + b" " * (size - len(body))


@pytest.mark.dialects
@pytest.mark.parametrize("headers", [{}, GZIP])
@pytest.mark.parametrize("function", NAMES)
async def test_accepts_exactly_32_kib(
    post: Post, fresh_database: Database[Document], function: str, headers: dict[str, str]
) -> None:
    encode = gzip.compress if headers else bytes
    limit = 32 * 1024

    assert (await post(function, encode(sized(function, limit)), headers)).status_code < 300
    fresh_database[function].delete_many({})
    problem = problem_of(await post(function, encode(sized(function, limit + 1)), headers), 413)
    assert problem["type"] == "urn:up2d8:problem:body-too-large"
    assert problem["detail"] == "At most 32768 bytes are accepted here."


async def test_an_event_alone_is_measured_as_it_was_sent(
    post: Post, fresh_database: Database[Document]
) -> None:
    """In a batch its size is that of its JSON with numbers written out: here 96 KB."""
    numbers = ",".join(["1e9"] * 8_000)
    event = f'{{"user_id":"u1","event_type":"e","details":{{"a":[{numbers}]}}}}'.encode()

    problem_of(await post("analytics", b"[" + event + b"]"), 422)
    assert (await post("analytics", event)).status_code == 202
    [stored] = fresh_database.analytics.find()
    assert stored["details"] == {"a": [1e9] * 8_000}
    fresh_database.analytics.delete_many({})


@pytest.mark.dialects
@pytest.mark.parametrize("headers", [{}, GZIP])
async def test_accepts_batches_of_exactly_512_kib(
    post: Post, fresh_database: Database[Document], headers: dict[str, str]
) -> None:
    encode = gzip.compress if headers else bytes
    limit = 512 * 1024
    event = BODIES["analytics"] | {"details": {"text": "x" * 20_000}}
    batch = json.dumps([event] * 20).encode().ljust(limit)

    response = await post("analytics", encode(batch), headers)
    assert body_of(response)["logged"] == 20
    fresh_database.analytics.delete_many({})
    problem = problem_of(await post("analytics", encode(batch + b" "), headers), 413)
    assert problem["detail"] == "At most 524288 bytes are accepted here."


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """Return a gigabyte of zeros, gzipped to some megabytes."""
    compressor = zlib.compressobj(zlib.Z_BEST_SPEED, wbits=zlib.MAX_WBITS | 16)
    zeros = bytes(2**20)
    return b"".join([*(compressor.compress(zeros) for _ in range(2**10)), compressor.flush()])


@pytest.mark.parametrize("function", NAMES)
async def test_refuses_a_gigabyte_without_inflating_it(
    post: Post, function: str, bomb: bytes
) -> None:
    tracemalloc.start()
    try:
        problem_of(await post(function, bomb, GZIP), 413)
        # The start of it is small enough as sent, and refused while it inflates.
        problem_of(await post(function, bomb[: 32 * 1024], GZIP), 413)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


COMPRESSED = gzip.compress(json.dumps(BODIES["feedback"]).encode())


@pytest.mark.parametrize("function", NAMES)
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{}", id="not compressed"),
        pytest.param(COMPRESSED[:10], id="only the header"),
        pytest.param(COMPRESSED[:-9], id="cut in the data"),
        pytest.param(COMPRESSED[:-1], id="cut in the checksum"),
        pytest.param(COMPRESSED[:-8] + bytes(8), id="wrong checksum"),
        pytest.param(COMPRESSED + b"x", id="trailing text"),
        pytest.param(zlib.compress(b"{}"), id="zlib instead of gzip"),
    ],
)
async def test_refuses_broken_gzip(post: Post, function: str, body: bytes) -> None:
    problem = problem_of(await post(function, body, GZIP), 400)

    assert problem["type"] == "urn:up2d8:problem:malformed-body"


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "x"])
@pytest.mark.parametrize("function", NAMES)
async def test_refuses_other_encodings(post: Post, function: str, encoding: str) -> None:
    response = await post(function, BODIES[function], {"Content-Encoding": encoding})

    assert problem_of(response, 415)["type"] == "urn:up2d8:problem:unsupported-encoding"
    assert response.headers["Accept-Encoding"] == "gzip"


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", " x-gzip "])
@pytest.mark.parametrize("function", NAMES)
async def test_accepts_gzip(
    post: Post, fresh_database: Database[Document], function: str, encoding: str
) -> None:
    body = gzip.compress(json.dumps(BODIES[function]).encode())

    assert (await post(function, body, {"Content-Encoding": encoding})).status_code < 300
    assert fresh_database[function].delete_many({}).deleted_count == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain;charset=UTF-8"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Encoding": "identity"},
    ],
)
@pytest.mark.parametrize("function", NAMES)
async def test_reads_json_with_any_content_type(
    post: Post, fresh_database: Database[Document], function: str, headers: dict[str, str]
) -> None:
    assert (await post(function, BODIES[function], headers)).status_code < 300
    assert fresh_database[function].delete_many({}).deleted_count == 1
