"""Pointers to wrong fields."""

import pytest

from shared_code.problems import FieldError


@pytest.mark.parametrize(
    ("path", "pointer"),
    # The first nine are the examples of RFC 6901, section 6.
    [
        ((), "#"),
        (("foo",), "#/foo"),
        (("foo", 0), "#/foo/0"),
        (("",), "#/"),
        (("a/b",), "#/a~1b"),
        (("c%d",), "#/c%25d"),
        (("e^f",), "#/e%5Ef"),
        (('k"l',), "#/k%22l"),
        ((" ",), "#/%20"),
        (("m~n",), "#/m~0n"),
        (("~1",), "#/~01"),
        (("é",), "#/%C3%A9"),
    ],
)
def test_pointer(path: tuple[str | int, ...], pointer: str) -> None:
    assert FieldError(path, "").pointer == pointer


@pytest.mark.parametrize("key", ["a" * 300, "é" * 40])
def test_a_long_pointer_is_truncated(key: str) -> None:
    assert FieldError(("details", key, "more"), "").pointer == "#/details"
    assert FieldError((key,), "").pointer == "#"


def test_a_batch_error_starts_with_the_index() -> None:
    assert FieldError(("details",), "is wrong").under(7).pointer == "#/7/details"
