"""The project's folder."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CLIENT = ROOT / "clients" / "browser"
DIST = CLIENT / "dist"


def copy_project(folder: Path) -> Path:
    """Copy the runnable project to a new folder with its own `.data/`; return the folder."""
    ignored = shutil.ignore_patterns(".*", "__pycache__", "node_modules", "tests")
    return Path(shutil.copytree(ROOT, folder, ignore=ignored))
