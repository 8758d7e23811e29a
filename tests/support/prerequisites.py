"""The tests' needs besides `.venv`: a `mongod` that starts, and Chromium or Chrome.

`make test` runs this module first. It installs missing programs, or prints a line on how to.
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

# Below the program folders of macOS and Windows.
PLACES = (
    "Google Chrome.app/Contents/MacOS/Google Chrome",
    "Chromium.app/Contents/MacOS/Chromium",
    "Google/Chrome/Application/chrome.exe",
    "Chromium/Application/chrome.exe",
)
WINDOWS_FOLDERS = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")

# The client is tested in these too if they are there: Debian's packages, and their programs.
OTHER_BROWSERS = {
    "firefox-esr": "firefox-esr",
    "webkit2gtk-driver": "WebKitWebDriver",
    "xvfb": "Xvfb",
}

NO_CHROMIUM = (
    "the tests need Chromium or Chrome, and neither apt-get nor Playwright could install it: "
    "install it (Debian: apt-get install chromium), or put it on PATH"
)


def main() -> int:
    """Install missing programs; print the failures, and return the exit code."""
    problems = [problem for problem in (check_mongod(), check_chromium()) if problem]
    if "browsers" in sys.argv:
        install_other_browsers()
    for problem in problems:
        print(f"make test: {problem}", file=sys.stderr)
    return 1 if problems else 0


def check_mongod() -> str | None:
    """Return the problem with `mongod`, after trying to install a missing libcurl."""
    try:
        mongod = find_mongod()
    except LocalProjectError as error:
        return str(error)
    problem = start_problem(mongod)
    if problem == LIBCURL_MISSING and install_packages("libcurl4"):
        return start_problem(mongod)
    return problem


def start_problem(mongod: Path) -> str | None:
    """Return the reason why a `mongod` does not start, or None."""
    try:
        found = subprocess.run([mongod, "--version"], capture_output=True, check=False)
    except OSError as error:
        return f"{mongod} does not start: {error.strerror}"
    if found.returncode == 0:
        return None
    printed = (found.stdout + found.stderr).decode(errors="replace")
    return missing_library(printed, found.returncode) or f"{mongod} does not start"


def check_chromium() -> str | None:
    """Return advice if there is no Chromium and none can be installed."""
    if find_chromium():
        return None
    if install_packages("chromium") and find_chromium():
        return None
    return None if download_chromium() and find_chromium() else NO_CHROMIUM


def find_chromium() -> Path | None:
    """Return the first Chromium or Chrome that starts."""
    return next((each for each in candidates() if starts(each)), None)


def candidates() -> Iterator[Path]:
    """Yield candidate paths: on PATH, in the usual places, and Playwright's own."""
    yield from (Path(path) for name in NAMES if (path := shutil.which(name)))
    yield from (folder / place for folder, place in product(program_folders(), PLACES))
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    yield Path(path)


def install_other_browsers() -> None:
    """Install the other browsers that Debian has."""
    missing = [name for name, program in OTHER_BROWSERS.items() if not shutil.which(program)]
    if missing:
        install_packages("--no-install-recommends", *missing)


def program_folders() -> Iterator[Path]:
    """Yield the program folders of macOS and Windows; elsewhere they do not exist."""
    yield from (Path("/Applications"), Path.home() / "Applications")
    yield from (Path(folder) for name in WINDOWS_FOLDERS if (folder := os.environ.get(name)))


def starts(browser: Path) -> bool:
    """Say whether a browser starts: Ubuntu's `chromium-browser` may be a mere stub."""
    if sys.platform == "win32":
        # `--version` would open a window.
        return browser.exists()
    return browser.exists() and runs([str(browser), "--version"])


def install_packages(*arguments: str) -> bool:
    """Install Debian packages; say whether that worked."""
    apt_get = shutil.which("apt-get")
    if apt_get is None or sys.platform != "linux" or os.geteuid() != 0:
        return False
    names = [each for each in arguments if not each.startswith("-")]
    print(f"Installing {', '.join(names)} with apt-get ...", flush=True)
    return runs([apt_get, "update"]) and runs([apt_get, "install", "--yes", *arguments])


def download_chromium() -> bool:
    """Download Playwright's Chromium; say whether that worked."""
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
