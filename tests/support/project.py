"""The project's own folder."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def copy_project(folder: Path) -> Path:
    """Copy what runs to a new folder, whose `.data/` is then its own; return the folder."""
    ignored = shutil.ignore_patterns(".*", "__pycache__", "tests")
    return Path(shutil.copytree(ROOT, folder, ignore=ignored))
