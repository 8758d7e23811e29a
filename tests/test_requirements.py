"""The requirements: named in `.in` files, pinned with hashes in the compiled `.txt` files."""

import re

import pytest

from tests.support.project import ROOT

FILES = ["requirements", "requirements-dev", "requirements-worker"]

REQUIREMENT = re.compile(
    r"^([a-z0-9-]+)(?:\[\w+\])?(?:==(\S+))?(?: ; [^\\\n]*)?( \\)?$", re.MULTILINE
)


def named(file: str) -> set[str]:
    """Return the packages in an `.in` file."""
    return {found[1] for found in REQUIREMENT.finditer((ROOT / f"{file}.in").read_text())}


def pinned(file: str) -> dict[str, set[str]]:
    """Return the versions of each package in a compiled file (several if they differ by Python).

    A package without hashes has no versions.
    """
    versions: dict[str, set[str]] = {}
    lines = (ROOT / f"{file}.txt").read_text().splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line and not line.startswith((" ", "#")):
            found = REQUIREMENT.fullmatch(line)
            assert found, line
            hashed = found[3] and following.startswith("    --hash=sha256:")
            versions.setdefault(found[1], set()).update([found[2]] if hashed else [])
    return versions


@pytest.mark.parametrize("file", FILES)
def test_each_requirement_is_pinned_with_hashes(file: str) -> None:
    versions = pinned(file)

    assert named(file)
    assert named(file) - versions.keys() == set()
    assert {name for name in versions if not versions[name]} == set()


def test_development_uses_the_deployed_versions() -> None:
    development = pinned("requirements-dev")

    assert {name: development.get(name) for name in pinned("requirements")} == pinned(
        "requirements"
    )


@pytest.mark.parametrize("file", [f"{file}.{kind}" for file in FILES for kind in ("in", "txt")])
def test_names_no_package_index(file: str) -> None:
    text = (ROOT / file).read_text()

    assert "://" not in text
    assert "index-url" not in text
    assert "find-links" not in text
