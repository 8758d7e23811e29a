"""Settings: environment variables, read on first use."""

import os
from collections.abc import Mapping
from functools import cache, cached_property
from ipaddress import ip_address
from typing import Annotated, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

environment: Mapping[str, str] = os.environ
"""The source of the settings; tests replace it."""


class ConfigurationError(Exception):
    """A setting is missing or wrong. The text names it, without its value."""


def split_words(value: str) -> list[str]:
    """Return the words of a comma-separated list."""
    return [word.strip() for word in value.split(",") if word.strip()]


def check_key_server(url: str) -> str:
    """Require https, except on loopback.

    Raises:
        ValueError: the URL has neither.
    """
    target = urlsplit(url)
    host = target.hostname or ""
    on_loopback = host == "localhost" or (
        (host[:1].isdigit() or ":" in host) and ip_address(host).is_loopback
    )
    if not host or (target.scheme != "https" and not (target.scheme == "http" and on_loopback)):
        raise ValueError
    return url


ConnectionString = Annotated[str, Field(pattern=r"^mongodb(\+srv)?://")]
# Valid on every platform (MongoDB manual, "Naming Restrictions").
DatabaseName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,63}$")]
Words = Annotated[tuple[str, ...], BeforeValidator(split_words), Field(min_length=1)]
KeyServer = Annotated[str, AfterValidator(check_key_server)]
Lookup = Annotated[str, Field(pattern=r"^[^.$\x00]+\.[^.$\x00]+(\.[^.$\x00]+)*$")]


class Settings(BaseModel):
    """The settings, named for their environment variables in lower case."""

    model_config = ConfigDict(alias_generator=str.upper, frozen=True)

    mongodb_uri: ConnectionString
    mongodb_database: DatabaseName = "up2d8"
    # The maximum keeps the promise that opt-outs hold within a minute (opt_outs.py).
    mongodb_timeout_ms: Annotated[int, Field(gt=0, le=10_000)] = 2500
    feedback_ratings: Words | None = None
    honor_privacy_signals: bool = True
    auth_issuer: str | None = None
    auth_audience: str | None = None
    auth_jwks_url: KeyServer | None = None
    auth_user_claim: str = "sub"
    user_lookup: Lookup | None = None
    message_lookup: Lookup | None = None
    # Background jobs and the like, which the collection of users lacks.
    system_users: Words = ()

    @cached_property
    def lookups(self) -> dict[str, str]:
        """The collection and field in which each value must exist: `{"user_id": "users._id"}`."""
        lookups = {"user_id": self.user_lookup, "message_id": self.message_lookup}
        return {field: lookup for field, lookup in lookups.items() if lookup}

    @model_validator(mode="after")
    def check_auth_is_complete(self) -> Self:
        """Refuse incomplete settings for tokens: a check that is half on protects nothing."""
        auth = {
            "AUTH_ISSUER": self.auth_issuer,
            "AUTH_AUDIENCE": self.auth_audience,
            "AUTH_JWKS_URL": self.auth_jwks_url,
        }
        missing = [name for name, value in auth.items() if value is None]
        is_wanted = len(missing) < len(auth) or "auth_user_claim" in self.model_fields_set
        if missing and is_wanted:
            raise PydanticCustomError("incomplete", "{names}", {"names": ", ".join(missing)})
        return self


Model = TypeVar("Model", bound=BaseModel)


@cache
def get_settings() -> Settings:
    """Return the settings, read once. An empty variable counts as not set.

    Raises:
        ConfigurationError: a required setting is missing, or one is wrong.
    """
    return read_settings(Settings, environment)


def read_settings(model: type[Model], given: Mapping[str, str]) -> Model:
    """Return the settings in `given` as a `model`. An empty value counts as not set.

    Raises:
        ConfigurationError: a required setting is missing, or one is wrong.
    """
    try:
        return model.model_validate({name: value for name, value in given.items() if value})
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)
        names = ", ".join(str(each["loc"][0]) if each["loc"] else each["msg"] for each in wrong)
        raise ConfigurationError(f"missing or wrong setting: {names}") from None
