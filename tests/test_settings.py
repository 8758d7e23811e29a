"""The settings."""

import pytest

from shared_code.settings import ConfigurationError, get_settings
from tests.support.functions import UseSettings

URI = "mongodb://localhost:27017"


def test_defaults(use_settings: UseSettings) -> None:
    use_settings(MONGODB_URI=URI)

    assert get_settings().model_dump() == {
        "mongodb_uri": URI,
        "mongodb_database": "up2d8",
        "mongodb_timeout_ms": 2500,
        "feedback_ratings": None,
        "honor_privacy_signals": True,
        "auth_issuer": None,
        "auth_audience": None,
        "auth_jwks_url": None,
        "auth_user_claim": "sub",
        "user_lookup": None,
        "message_lookup": None,
        "system_users": (),
    }


def test_reads_every_setting(use_settings: UseSettings) -> None:
    use_settings(
        MONGODB_URI=URI, MONGODB_DATABASE="other", MONGODB_TIMEOUT_MS="1000", PATH="ignored"
    )

    assert get_settings().mongodb_database == "other"
    assert get_settings().mongodb_timeout_ms == 1000


def test_an_empty_variable_counts_as_unset(use_settings: UseSettings) -> None:
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
        ("MONGODB_DATABASE", "ü" * 60),
        ("MONGODB_DATABASE", "a\n"),
        ("MONGODB_TIMEOUT_MS", "0"),
        ("MONGODB_TIMEOUT_MS", "-5"),
        ("MONGODB_TIMEOUT_MS", "soon"),
        ("MONGODB_TIMEOUT_MS", "10001"),
        ("MONGODB_TIMEOUT_MS", "9" * 400),
        ("FEEDBACK_RATINGS", " , "),
        ("HONOR_PRIVACY_SIGNALS", "perhaps"),
        ("AUTH_JWKS_URL", "http://keys.example.com/jwks"),
        ("AUTH_JWKS_URL", "http://localhost.example.com/jwks"),
        ("AUTH_JWKS_URL", "http://127.0.0.1.example.com/jwks"),
        ("AUTH_JWKS_URL", "file:///etc/passwd"),
        ("AUTH_JWKS_URL", "https://[::1/"),
        ("AUTH_JWKS_URL", "https:///jwks"),
        ("USER_LOOKUP", "users"),
        ("USER_LOOKUP", ".users"),
        ("USER_LOOKUP", "users."),
        ("USER_LOOKUP", "users..id"),
        ("MESSAGE_LOOKUP", "messages.$where"),
    ],
)
def test_names_a_wrong_setting_without_its_value(
    use_settings: UseSettings, name: str, value: str
) -> None:
    auth = {"AUTH_ISSUER": "i", "AUTH_AUDIENCE": "a", "AUTH_JWKS_URL": "https://k.example.com"}
    use_settings(**({"MONGODB_URI": URI} | auth | {name: value}))

    with pytest.raises(ConfigurationError) as raised:
        get_settings()

    assert str(raised.value) == f"missing or wrong setting: {name}"
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (["AUTH_ISSUER"], "AUTH_AUDIENCE, AUTH_JWKS_URL"),
        (["AUTH_AUDIENCE"], "AUTH_ISSUER, AUTH_JWKS_URL"),
        (["AUTH_JWKS_URL"], "AUTH_ISSUER, AUTH_AUDIENCE"),
        (["AUTH_ISSUER", "AUTH_AUDIENCE"], "AUTH_JWKS_URL"),
        (["AUTH_ISSUER", "AUTH_JWKS_URL"], "AUTH_AUDIENCE"),
        (["AUTH_AUDIENCE", "AUTH_JWKS_URL"], "AUTH_ISSUER"),
        (["AUTH_USER_CLAIM"], "AUTH_ISSUER, AUTH_AUDIENCE, AUTH_JWKS_URL"),
        (["AUTH_USER_CLAIM", "AUTH_JWKS_URL"], "AUTH_ISSUER, AUTH_AUDIENCE"),
    ],
)
def test_names_the_missing_token_settings(
    use_settings: UseSettings, given: list[str], missing: str
) -> None:
    use_settings(MONGODB_URI=URI, **dict.fromkeys(given, "https://issuer.example.com/"))

    with pytest.raises(ConfigurationError) as raised:
        get_settings()
    assert str(raised.value) == f"missing or wrong setting: {missing}"


@pytest.mark.parametrize(
    "url",
    [
        "https://keys.example.com/jwks?tenant=1",
        "http://localhost:8080/jwks",
        "HTTP://LOCALHOST/jwks",
        "http://127.0.0.2/jwks",
        "http://[::1]:8080/jwks",
    ],
)
def test_key_servers_need_https_except_on_loopback(use_settings: UseSettings, url: str) -> None:
    use_settings(MONGODB_URI=URI, AUTH_ISSUER="i", AUTH_AUDIENCE="a", AUTH_JWKS_URL=url)

    assert get_settings().auth_jwks_url == url


def test_ratings_are_split_at_commas(use_settings: UseSettings) -> None:
    use_settings(MONGODB_URI=URI, FEEDBACK_RATINGS=" up, so so ,,👎")

    assert get_settings().feedback_ratings == ("up", "so so", "👎")


def test_a_wrong_setting_can_be_corrected(use_settings: UseSettings) -> None:
    use_settings()
    with pytest.raises(ConfigurationError):
        get_settings()

    use_settings(MONGODB_URI=URI)
    assert get_settings().mongodb_uri == URI
