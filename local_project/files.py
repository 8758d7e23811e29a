"""The JSON files of a Functions project."""

import json
from pathlib import Path
from typing import Any

from local_project.errors import LocalProjectError


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file; a missing file counts as an empty one.

    Raises:
        LocalProjectError: the file holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise LocalProjectError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise LocalProjectError(f"{path} must hold a JSON object")
    return content


def local_values(local: dict[str, Any]) -> dict[str, str]:
    """Return the settings in the content of `local.settings.json`.

    Raises:
        LocalProjectError: one is not a string.
    """
    values = local.get("Values", {})
    if not isinstance(values, dict):
        raise LocalProjectError("Values in local.settings.json must be a JSON object")
    for name, value in values.items():
        if not isinstance(value, str):
            raise LocalProjectError(f"{name} in local.settings.json must be a string")
    return values


def local_host(local: dict[str, Any]) -> dict[str, Any]:
    """Return the `Host` in the content of `local.settings.json`.

    Raises:
        LocalProjectError: it is not an object.
    """
    host = local.get("Host") or {}
    if not isinstance(host, dict):
        raise LocalProjectError("Host in local.settings.json must be a JSON object")
    return host
