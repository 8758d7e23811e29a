"""The tests; what several of them use is in `tests.support`, and fixtures are in `conftest.py`."""

import pytest

# So that a failed assert in there says what it compared, too.
pytest.register_assert_rewrite("tests.support")
