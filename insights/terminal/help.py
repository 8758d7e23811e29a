"""Help pages: flags without a type, and examples on lines of their own."""

from typing import Any

from typer.core import TyperCommand, TyperGroup, TyperOption

from insights.terminal.console import print_line


class CommandHelp(TyperCommand):
    """A command whose help shows flags without `<bool>`, and no command in two lines."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 (Typer's context is private)
        """Return the parameters, including `--help`."""
        return without_flag_types(super().get_params(ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 (Typer's are private)
        """Print the help. Its examples are copied to a shell, so the terminal wraps them."""
        examples, self.epilog = self.epilog, None
        super().format_help(ctx, formatter)
        self.epilog = examples
        for line in ["", *(examples or "").splitlines(), ""]:
            print_line(f" {line}".rstrip())


class ProgramHelp(TyperGroup):
    """A group of commands whose help shows flags without `<bool>`."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 (Typer's context is private)
        """Return the parameters, including `--help`."""
        return without_flag_types(super().get_params(ctx))


def without_flag_types(parameters: list[Any]) -> list[Any]:
    """Clear the type that the help shows for flags; return the parameters."""
    for each in parameters:
        if isinstance(each, TyperOption) and each.is_flag:
            each.metavar = ""
    return parameters


def split_help(docstring: str) -> tuple[str, str]:
    """Split a docstring into its text, one line per paragraph, and its examples."""
    text, _, examples = docstring.partition("\n\nExamples:\n")
    # Typer joins the lines of the first paragraph only.
    paragraphs = "\n\n".join(" ".join(each.split()) for each in text.split("\n\n"))
    lines = [line.strip() for line in examples.splitlines()]
    return paragraphs, "\n".join(["Examples:", *lines]) if lines else ""
