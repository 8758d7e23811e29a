"""The tests. `tests.support` is their library, `conftest.py` has the fixtures."""

import pytest

# Shows the compared values of asserts that fail in there, too.
pytest.register_assert_rewrite("tests.support")
