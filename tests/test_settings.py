"""The settings."""

import pytest

from shared_code.settings import ConfigurationError, get_settings
from tests.conftest import UseSettings

URI = "mongodb://localhost:27017"


def test_defaults(use_settings: UseSettings) -> None:
    use_settings(MONGODB_URI=URI)

    assert get_settings().model_dump() == {
        "mongodb_uri": URI,
        "mongodb_database": "up2d8",
        "mongodb_timeout_ms": 2500,
    }


def test_reads_every_setting(use_settings: UseSettings) -> None:
    use_settings(
        MONGODB_URI=URI, MONGODB_DATABASE="other", MONGODB_TIMEOUT_MS="1000", PATH="ignored"
    )

    assert get_settings().mongodb_database == "other"
    assert get_settings().mongodb_timeout_ms == 1000


def test_an_empty_variable_counts_as_not_set(use_settings: UseSettings) -> None:
    use_settings(MONGODB_URI=URI, MONGODB_DATABASE="", MONGODB_TIMEOUT_MS="")

    assert get_settings().mongodb_database == "up2d8"
    assert get_settings().mongodb_timeout_ms == 2500


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MONGODB_URI", ""),
        ("MONGODB_URI", "localhost:27017"),
        ("MONGODB_URI", "postgres://localhost"),
        ("MONGODB_DATABASE", "a/b"),
        ("MONGODB_DATABASE", "a b"),
        ("MONGODB_DATABASE", "a" * 64),
        ("MONGODB_TIMEOUT_MS", "0"),
        ("MONGODB_TIMEOUT_MS", "-5"),
        ("MONGODB_TIMEOUT_MS", "soon"),
    ],
)
def test_names_a_wrong_setting_and_hides_its_value(
    use_settings: UseSettings, name: str, value: str
) -> None:
    use_settings(**({"MONGODB_URI": URI} | {name: value}))

    with pytest.raises(ConfigurationError) as raised:
        get_settings()

    assert str(raised.value) == f"missing or wrong setting: {name}"
    assert raised.value.__suppress_context__


def test_a_wrong_setting_can_be_mended(use_settings: UseSettings) -> None:
    use_settings()
    with pytest.raises(ConfigurationError):
        get_settings()

    use_settings(MONGODB_URI=URI)
    assert get_settings().mongodb_uri == URI
