"""The test library: its imports, the list of fixtures, markers and ids."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_project.addresses import free_address
from local_project.errors import LocalProjectError
from local_project.mongod import running_mongod
from tests.support.dialects import Dialect
from tests.support.ids import pytest_make_parametrize_id
from tests.support.project import ROOT

MODULES = sorted((ROOT / "tests").rglob("*.py"))
PYTEST = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
MARKERS = [line.split(":")[0] for line in PYTEST["markers"]]


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield the full names of a module's imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{name.name}" for name in node.names)


def is_of_a_test_module(name: str) -> bool:
    """Say whether a name belongs to `tests`, but not to `tests.support`."""
    return name.startswith(("tests.", ".")) and not name.startswith("tests.support.")


def test_no_module_imports_a_test_module_or_the_fixtures() -> None:
    found = {
        str(path.relative_to(ROOT)): name
        for path in MODULES
        for name in imports(ast.parse(path.read_text(encoding="utf-8")))
        if is_of_a_test_module(name)
    }

    assert found == {}


def test_conftest_has_only_fixtures_and_lists_each() -> None:
    tree = ast.parse((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"))
    functions = [
        node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    listed = re.findall(r"^ {4}(\w+(?:, \w+)*): ", ast.get_docstring(tree) or "", re.MULTILINE)
    names = [name for line in listed for name in line.split(", ")]

    assert [each.name for each in functions if "fixture" not in decorators(each)] == []
    assert sorted(names) == sorted([*(each.name for each in functions), *MARKERS])


def decorators(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Return the decorators of a function as code."""
    return " ".join(map(ast.unparse, function.decorator_list))


def test_a_test_without_a_database_is_marked(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("no_database")


@pytest.mark.usefixtures("server_uri")
def test_a_test_with_an_indirect_database_is_not_marked(request: pytest.FixtureRequest) -> None:
    assert not request.node.get_closest_marker("no_database")


def test_a_marked_test_cannot_start_a_mongodb(tmp_path: Path) -> None:
    with pytest.raises(LocalProjectError), running_mongod(free_address(), tmp_path):
        pass

    assert "marked no_database" in (tmp_path / "mongod.log").read_text()


@pytest.mark.dialects
@pytest.mark.parametrize("number", [1, 2])
def test_other_servers_get_only_the_first_parameters(dialect: Dialect, number: int) -> None:
    assert dialect is Dialect.MONGODB or number == 1


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a": [1, {"b": None}]}, "{a: [1, {b: None}]}"),
        (["--limit", "3"], "--limit 3"),
        ("\0\n", r"\x00\n"),
        ({"y", "x"}, "{x, y}"),
        ("x" * 100, f"{'x' * 57}..."),
        # The address differs between workers.
        (object(), None),
    ],
)
def test_ids_show_the_values(value: object, shown: str | None) -> None:
    assert pytest_make_parametrize_id(value) == shown
