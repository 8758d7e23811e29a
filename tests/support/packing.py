"""The files of the deployed package."""

import subprocess
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

# Core Tools never packs these, regardless of .funcignore; nor does azd, except .gitignore.
NEVER_PACKED = {".funcignore", ".gitignore", "local.settings.json"}


def git(folder: Path, *arguments: str) -> list[str]:
    """Return the lines that git prints in a folder."""
    command = ["git", *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True
    ).stdout.splitlines()


def packed_by_azd(folder: Path) -> set[str]:
    """Return the package's files as the Azure Developer CLI reads .funcignore.

    The last rule that matches decides, and the files of an ignored folder are not looked at. In a
    rule without a folder, `*` also stands for slashes (its library is denormal/go-gitignore).
    """
    lines = (folder / ".funcignore").read_text().splitlines()
    rules = [line for line in reversed(lines) if line and not line.startswith("#")]

    def is_packed(path: Path) -> bool:
        name = path.relative_to(folder).as_posix()
        matching = (rule for rule in rules if azd_matches(rule.removeprefix("!"), name, path))
        return path.name not in NEVER_PACKED and next(matching, "!").startswith("!")

    def packed(parent: Path) -> Iterator[str]:
        for path in filter(is_packed, parent.iterdir()):
            if path.is_dir():
                yield from packed(path)
            else:
                yield path.relative_to(folder).as_posix()

    return set(packed(folder))


def azd_matches(rule: str, name: str, path: Path) -> bool:
    """Whether azd applies a rule, of the kinds that ours are, to a path with this name."""
    if rule.endswith("/**"):
        return f"{name}/".startswith(rule.strip("/*") + "/")
    if rule.endswith("/") and not path.is_dir():
        return False
    return fnmatchcase(name if rule.startswith("/") else path.name, rule.strip("/"))
