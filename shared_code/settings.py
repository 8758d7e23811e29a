"""The application settings: environment variables, read on first use."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

environment: Mapping[str, str] = os.environ
"""Where settings are read from; tests put another mapping here."""


class ConfigurationError(Exception):
    """A setting is missing or wrong. The text names it and never shows its value."""


class Settings(BaseModel):
    """The settings, each under its environment variable's name in lower case."""

    model_config = ConfigDict(alias_generator=str.upper, frozen=True)

    mongodb_uri: Annotated[str, Field(pattern=r"^mongodb(\+srv)?://")]
    # What MongoDB forbids in a database's name on one of its platforms
    # (MongoDB manual, "Naming Restrictions").
    mongodb_database: Annotated[str, Field(pattern=r'^[^/\\. "$*<>:|?\x00]{1,63}$')] = "up2d8"
    mongodb_timeout_ms: Annotated[int, Field(gt=0)] = 2500


@cache
def get_settings() -> Settings:
    """Return the settings, read once. An empty variable counts as not set.

    Raises:
        ConfigurationError: a required setting is missing, or one is wrong.
    """
    given = {name: value for name, value in environment.items() if value}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        names = ", ".join(str(wrong["loc"][0]) for wrong in error.errors(include_input=False))
        raise ConfigurationError(f"missing or wrong setting: {names}") from None
