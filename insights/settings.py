"""Settings: some of the functions', and those that only this tool reads."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from insights.errors import UsageError
from local_project.errors import LocalProjectError
from local_project.files import local_values, read_json
from shared_code import settings
from shared_code.settings import ConfigurationError, ConnectionString, DatabaseName, Lookup, Words

LOCAL_SETTINGS = Path("local.settings.json")

# MongoDB takes a TTL of at most 2,147,483,647 seconds.
Days = Annotated[int, Field(gt=0, le=24_855)]


class Settings(BaseModel):
    """The settings, named for their environment variables in lower case."""

    model_config = ConfigDict(alias_generator=str.upper, frozen=True)

    mongodb_uri: ConnectionString
    mongodb_database: DatabaseName = "up2d8"
    feedback_ratings: Words | None = None
    # The application's collections: `sessions.messages.message_id`, say, and `users._id`.
    message_lookup: Lookup | None = None
    user_lookup: Lookup | None = None
    # Background jobs and the like.
    system_users: Words = ()
    # The functions do not read these, so a wrong value does not stop them.
    # The field of a message that is its text.
    message_text: str | None = None
    feedback_retention_days: Days | None = None
    analytics_retention_days: Days | None = None


def read_settings() -> Settings:
    """Return the settings from the environment, or else from `local.settings.json`.

    Raises:
        UsageError: the file cannot be read, or a setting is missing or wrong.
    """
    environment = {name: value for name, value in os.environ.items() if value}
    try:
        values = local_values(read_json(LOCAL_SETTINGS))
        return settings.read_settings(Settings, values | environment)
    except LocalProjectError as error:
        raise UsageError(str(error)) from None
    except ConfigurationError as error:
        raise UsageError(f"{error} (see docs/deployment.md)") from None
