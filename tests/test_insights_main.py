"""The console script `insights`."""

import subprocess
import sys
from pathlib import Path

COMMAND = Path(sys.executable).with_name("insights")


def insights(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, without settings."""
    return subprocess.run(
        [COMMAND, *arguments], cwd=folder, env={}, capture_output=True, text=True, check=False
    )


def test_runs_from_any_folder(tmp_path: Path) -> None:
    found = insights(tmp_path, "--help")

    assert found.returncode == 0
    assert "Usage: insights" in found.stdout


def test_exits_with_the_code_of_its_command(tmp_path: Path) -> None:
    found = insights(tmp_path, "summary")

    assert found.returncode == 2
    assert "MONGODB_URI" in found.stderr
