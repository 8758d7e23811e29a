"""The tests as a library: what they may import, and what is said of their fixtures."""

import ast
from collections.abc import Iterator

from tests.support.project import ROOT

MODULES = sorted((ROOT / "tests").rglob("*.py"))


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield the full name of each thing that a module imports from anywhere."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{name.name}" for name in node.names)


def is_of_a_test_module(name: str) -> bool:
    """Say whether something is neither from elsewhere nor from `tests.support`."""
    return name.startswith(("tests.", ".")) and not name.startswith("tests.support.")


def test_no_module_imports_a_test_module_or_the_fixtures() -> None:
    found = {
        str(path.relative_to(ROOT)): name
        for path in MODULES
        for name in imports(ast.parse(path.read_text(encoding="utf-8")))
        if is_of_a_test_module(name)
    }

    assert found == {}
