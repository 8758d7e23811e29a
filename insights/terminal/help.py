"""The help of the commands."""

from typing import Any

from typer.core import TyperCommand, TyperGroup, TyperOption


class HelpOfCommand(TyperCommand):
    """A command whose help shows no type of a flag, which takes no value."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 (Typer's own, and private)
        """Return the parameters, `--help` among them."""
        return without_types_of_flags(super().get_params(ctx))


class HelpOfProgram(TyperGroup):
    """The same for the program itself."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 (as above)
        """Return the parameters, `--help` among them."""
        return without_types_of_flags(super().get_params(ctx))


def without_types_of_flags(parameters: list[Any]) -> list[Any]:
    """Return parameters with nothing where the help shows the type of a flag."""
    for each in parameters:
        if isinstance(each, TyperOption) and each.is_flag:
            each.metavar = ""
    return parameters


def split_help(docstring: str) -> tuple[str, str]:
    """Return the text of a docstring, and its examples, on lines that Typer does not join."""
    text, _, examples = docstring.partition("\n\nExamples:\n")
    # Typer itself joins the lines of the first paragraph only.
    paragraphs = "\n\n".join(" ".join(each.split()) for each in text.split("\n\n"))
    return paragraphs, "\n\n".join(["Examples:", *examples.splitlines()]) if examples else ""
