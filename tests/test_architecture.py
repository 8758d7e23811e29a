"""Import rules between the packages, checked on the imports themselves."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from insights.application import COMMANDS
from tests.support.project import ROOT

DEPLOYED = ("analytics_function", "feedback_function", "shared_code")
OURS = {each.name for each in ROOT.iterdir() if each.name.isidentifier() and each.is_dir()}


def modules_in(package: str) -> list[Path]:
    """Return the modules of a package, by their paths in the project."""
    found = sorted((ROOT / package).rglob("*.py"))
    assert found, f"there is no package {package}"
    return [each.relative_to(ROOT) for each in found]


def imports_of(module: Path) -> Iterator[str]:
    """Yield the full names of a module's imports, at any level.

    `from a import b` gives `a.b`, which is a module or a name in one. An `import_module` gives the
    literal part of its argument.
    """
    for node in ast.walk(ast.parse((ROOT / module).read_text("utf-8"))):
        match node:
            case ast.Import():
                yield from (each.name for each in node.names)
            case ast.ImportFrom():
                package = module.parts[: -node.level] if node.level else ()
                source = [*package, *([node.module] if node.module else [])]
                yield from (".".join([*source, each.name]) for each in node.names)
            case ast.Call(func=ast.Attribute(attr="import_module"), args=[argument, *_]):
                yield literal_part(argument)


def literal_part(argument: ast.expr) -> str:
    """Return a text, or the beginning of an f-string."""
    match argument:
        case (
            ast.Constant(value=str(text))
            | ast.JoinedStr(values=[ast.Constant(value=str(text)), *_])
        ):
            return text
        case _:
            return ""


def is_in(name: str, *packages: str) -> bool:
    """Say whether a full name is one of these packages, or in one."""
    return any(name == each or name.startswith(f"{each}.") for each in packages)


def forbidden(package: str, *packages: str) -> list[str]:
    """Return a package's imports of the others, each as `module: name`."""
    return [
        f"{module}: {name}"
        for module in modules_in(package)
        for name in imports_of(module)
        if is_in(name, *packages)
    ]


def test_sees_every_way_to_import(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "import a.b, c\n"
        "from d.e import f, g as h\n"
        "def inner():\n"
        "    from i import j\n"
        "    importlib.import_module('k.l').run()\n"
        "    importlib.import_module(f'm.n.{name}')\n"
    )

    assert set(imports_of(module)) == {"a.b", "c", "d.e.f", "d.e.g", "i.j", "k.l", "m.n."}


def test_no_command_imports_another() -> None:
    assert forbidden("insights/commands", "insights.commands") == []


def test_the_package_of_commands_has_no_other_modules() -> None:
    modules = {each.stem for each in modules_in("insights/commands")} - {"__init__"}
    assert modules == {command.module for command in COMMANDS.values()}


def test_pages_do_not_import_the_terminal() -> None:
    assert (
        forbidden("insights/pages", "insights.terminal", "insights.commands", "rich", "typer") == []
    )


@pytest.mark.parametrize(
    "package",
    ["figures", "queries", "messages", "mongodb", "users", "arrivals", "exports", "repair", "demo"],
)
def test_layers_below_the_commands_import_no_presentation(package: str) -> None:
    presentation = ("insights.commands", "insights.terminal", "insights.pages")
    assert forbidden(f"insights/{package}", *presentation) == []


def test_the_operators_tool_does_not_import_the_local_server() -> None:
    assert forbidden("insights", "devserver") == []


def test_the_local_server_does_not_import_the_operators_tool() -> None:
    assert forbidden("devserver", "insights") == []


def test_local_project_imports_neither() -> None:
    assert forbidden("local_project", "devserver", "insights") == []


@pytest.mark.parametrize("package", DEPLOYED)
def test_deployed_code_imports_only_deployed_code(package: str) -> None:
    assert forbidden(package, *OURS - set(DEPLOYED)) == []


def test_functions_do_not_import_each_other() -> None:
    assert forbidden("feedback_function", "analytics_function") == []
    assert forbidden("analytics_function", "feedback_function") == []
    assert forbidden("shared_code", "analytics_function", "feedback_function") == []
