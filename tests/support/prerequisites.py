"""What the tests need besides `.venv`: a `mongod` that starts, and Chromium or Chrome.

`make test` runs this module first. It installs what is missing, or says in one line what to do.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from playwright.sync_api import sync_playwright

from local_project.errors import LocalProjectError
from local_project.mongod import LIBCURL_MISSING, find_mongod, missing_library

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

# Within a folder for programs of macOS, or of Windows.
PLACES = (
    "Google Chrome.app/Contents/MacOS/Google Chrome",
    "Chromium.app/Contents/MacOS/Chromium",
    "Google/Chrome/Application/chrome.exe",
    "Chromium/Application/chrome.exe",
)
WINDOWS_FOLDERS = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")

NO_CHROMIUM = (
    "the tests need Chromium or Chrome, and neither apt-get nor Playwright could install it: "
    "install it (Debian: apt-get install chromium), or put it on PATH"
)


def main() -> int:
    """Install what is missing; print what cannot be installed, and return the exit code."""
    problems = [problem for problem in (check_mongod(), check_chromium()) if problem]
    for problem in problems:
        print(f"make test: {problem}", file=sys.stderr)
    return 1 if problems else 0


def check_mongod() -> str | None:
    """Return what keeps `mongod` from starting, once its libcurl is installed if need be."""
    try:
        mongod = find_mongod()
    except LocalProjectError as error:
        return str(error)
    problem = why_it_does_not_start(mongod)
    if problem == LIBCURL_MISSING and install_package("libcurl4"):
        return why_it_does_not_start(mongod)
    return problem


def why_it_does_not_start(mongod: Path) -> str | None:
    """Return what keeps a `mongod` from starting, or None if it starts."""
    try:
        found = subprocess.run([mongod, "--version"], capture_output=True, check=False)
    except OSError as error:
        return f"{mongod} does not start: {error.strerror}"
    if found.returncode == 0:
        return None
    printed = (found.stdout + found.stderr).decode(errors="replace")
    return missing_library(printed, found.returncode) or f"{mongod} does not start"


def check_chromium() -> str | None:
    """Return what to do where there is no Chromium, and none can be installed."""
    if find_chromium():
        return None
    if install_package("chromium") and find_chromium():
        return None
    return None if download_chromium() and find_chromium() else NO_CHROMIUM


def find_chromium() -> Path | None:
    """Return the first Chromium or Chrome that starts."""
    return next((each for each in candidates() if starts(each)), None)


def candidates() -> Iterator[Path]:
    """Yield where a Chromium may be: on PATH, in the usual places, and where Playwright puts it."""
    yield from (Path(path) for name in NAMES if (path := shutil.which(name)))
    yield from (folder / place for folder, place in product(program_folders(), PLACES))
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    yield Path(path)


def program_folders() -> Iterator[Path]:
    """Yield the folders for programs of macOS and Windows; elsewhere they do not exist."""
    yield from (Path("/Applications"), Path.home() / "Applications")
    yield from (Path(folder) for name in WINDOWS_FOLDERS if (folder := os.environ.get(name)))


def starts(browser: Path) -> bool:
    """Say whether a browser starts: Ubuntu's `chromium-browser` may only name a package."""
    if sys.platform == "win32":
        # There `--version` opens a window.
        return browser.exists()
    return browser.exists() and runs([str(browser), "--version"])


def install_package(name: str) -> bool:
    """Install one of Debian's packages; say whether that is possible here and succeeded."""
    apt_get = shutil.which("apt-get")
    if apt_get is None or sys.platform != "linux" or os.geteuid() != 0:
        return False
    print(f"Installing {name} with apt-get ...", flush=True)
    return runs([apt_get, "update"]) and runs([apt_get, "install", "--yes", name])


def download_chromium() -> bool:
    """Download Playwright's own Chromium; say whether that succeeded."""
    print("Downloading Chromium with Playwright ...", flush=True)
    return runs([sys.executable, "-m", "playwright", "install", "--no-shell", "chromium"])


def runs(command: list[str]) -> bool:
    """Run a command silently; say whether it succeeded."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        found = subprocess.run(command, capture_output=True, check=False, env=environment)
    except OSError:
        return False
    return found.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
