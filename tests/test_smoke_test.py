"""The script that tries a deployment out, on the local server in Azure's place."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pymongo.database import Database

from tests.support.documents import Document
from tests.support.local_server import LocalServer
from tests.support.project import ROOT

pytestmark = pytest.mark.linux

SCRIPT = ROOT / ".github" / "smoke-test"

# `az` and `azd` print what the script asks them for.
AZ = """#!/bin/sh
case "$1" in functionapp) echo a-key ;; keyvault) echo "$URI" ;; esac
"""
AZD = """#!/bin/sh
case "$3" in FUNCTION_APP_URL) echo "$URL" ;; *) echo a-name ;; esac
"""

RunScript = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def smoke_test(
    server: LocalServer, server_database: Database[Document], mongodb_uri: str, tmp_path: Path
) -> RunScript:
    """Return a function that runs the script against the local server."""
    for name, text in {"az": AZ, "azd": AZD}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "insights").write_text(f'#!/bin/sh\nexec {sys.executable} -m insights "$@"\n')
    (tmp_path / "insights").chmod(0o755)

    def run(**variables: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "URI": mongodb_uri,
            "URL": str(server.client.base_url).rstrip("/"),
            "MONGODB_DATABASE": server_database.name,
            "PAUSE": "0",
        }
        return subprocess.run(
            [SCRIPT],
            cwd=ROOT,
            env=environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_stores_one_of_each_and_erases_both(
    smoke_test: RunScript, server_database: Database[Document]
) -> None:
    ran = smoke_test(FEEDBACK_RATINGS="good,bad")

    assert ran.returncode == 0, ran.stderr
    assert "feedback: 201\nanalytics: 202\n" in ran.stdout
    assert "1 feedback and 1 event" in ran.stdout
    stored = {name: server_database[name].count_documents({}) for name in ("feedback", "analytics")}
    assert stored == {"feedback": 0, "analytics": 0}


def test_fails_on_another_status_and_still_erases(
    smoke_test: RunScript, server_database: Database[Document]
) -> None:
    ran = smoke_test(AUTH_ISSUER="https://issuer.example.com")

    assert ran.returncode == 1
    assert "feedback was to be answered with 401" in ran.stdout
    assert server_database.feedback.count_documents({}) == 0
