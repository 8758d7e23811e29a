"""The commands that `insights demo` suggests at the end."""

import os
import shlex
import sys
from collections.abc import Iterator, Mapping

from insights.settings import Settings
from insights.terminal.console import print_line
from insights.terminal.program import program_anywhere


def invitation(uri: str, *, served: bool, started: bool) -> str:
    """Return the line above the suggested commands, with their prerequisites."""
    same = " with the same MONGODB_URI" if has_password(uri) else ""
    if served:
        return f"Try in another terminal{same}, while this runs:"
    if started:
        where = f"MONGODB_URI={shlex.quote(uri)} " if os.environ.get("MONGODB_URI") else ""
        return f"Try, while `{where}make run` runs MongoDB in another terminal:"
    return f"Try{same}:"


def print_commands(settings: Settings) -> None:
    """Print commands for any terminal, without `MONGODB_URI` if it holds a password."""
    values = {
        "MONGODB_URI": "" if has_password(settings.mongodb_uri) else settings.mongodb_uri,
        "MONGODB_DATABASE": settings.mongodb_database,
        "MESSAGE_LOOKUP": settings.message_lookup,
        "USER_LOOKUP": settings.user_lookup,
        "SYSTEM_USERS": ",".join(settings.system_users),
    }
    print_line(f"  {set_variables({name: value for name, value in values.items() if value})}")
    for command in commands(with_messages=settings.message_lookup is not None):
        print_line(f"  {program_anywhere()} {command}")


def commands(*, with_messages: bool) -> Iterator[str]:
    """Yield commands to try, with or without the application's messages."""
    messages = "--messages " if with_messages else ""
    yield "summary --since 30d"
    if with_messages:
        yield "compare --by message.model --since 30d"
    yield "compare --by details.platform --since 30d"
    yield "journey --before-rating negative"
    yield f"feedback {messages}--rating negative --limit 5"
    # This user has seen errors, and has rated and commented in both ways.
    yield "user user-0001"
    yield f"export feedback {messages}--out feedback.csv"
    yield "dashboard --since 30d"


def set_variables(values: Mapping[str, str]) -> str:
    """Return the line that sets environment variables in this system's shell."""
    if sys.platform == "win32":
        return " & ".join(f'set "{name}={value}"' for name, value in values.items())
    return shlex.join(["export", *(f"{name}={value}" for name, value in values.items())])


def has_password(uri: str) -> bool:
    """Say whether a connection string has credentials."""
    return "@" in uri
