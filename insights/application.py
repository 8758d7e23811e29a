"""The application: its commands, and the mapping of exceptions to messages and exit codes."""

import importlib
import inspect
import io
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

import typer
from bson.errors import BSONError
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from insights.errors import Defect, FileNotWritable, InsightsError, Refused, Unreachable, UsageError
from insights.mongodb.servers import INVALID_PATTERNS, server_message
from insights.terminal.console import print_error
from insights.terminal.help import CommandHelp, ProgramHelp, split_help

INTERRUPTED = 130
NO_DISK_USE = 292

READ = "Read"
MAINTAIN = "Maintain"


class Command(NamedTuple):
    """A command's module in `insights.commands`, and its entry in `insights --help`.

    The module has a function with the command's name. Its docstring is the command's help, and
    ends with a section `Examples:`.
    """

    module: str
    heading: str
    summary: str


# Only the requested command's module is imported: `feedback` should not wait for the libraries that
# draw charts. The summaries are here because `insights --help` imports none of the modules.
COMMANDS = {
    "summary": Command("summary", READ, "Show ratings, the worst messages, reasons, and activity."),
    "feedback": Command("feedback", READ, "List feedback, newest first."),
    "events": Command("events", READ, "List events, newest first."),
    "user": Command("user", READ, "Show the timeline of one user, newest first."),
    "tail": Command("tail", READ, "Stream feedback and events as they arrive."),
    "journey": Command(
        "journey", READ, "Compare the events before a rating with those before others."
    ),
    "compare": Command("compare", READ, "Compare ratings by model, plan, page or another field."),
    "dashboard": Command("dashboard", READ, "Write a page of charts, or serve it live."),
    "export": Command("export", READ, "Export feedback or events to a file, oldest first."),
    "setup": Command("setup", MAINTAIN, "Create the indexes, and set how long data is kept."),
    "doctor": Command("doctor", MAINTAIN, "Find and repair damaged data."),
    "demo": Command("demo", MAINTAIN, "Fill a database with realistic data."),
    "forget": Command("forget", MAINTAIN, "Erase a user's feedback and events."),
    "opt-out": Command("opt_outs", MAINTAIN, "Stop storing a user's events."),
    "opt-in": Command("opt_outs", MAINTAIN, "Resume storing a user's events."),
    "opt-outs": Command("opt_outs", MAINTAIN, "List opted-out users, newest first."),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    replace_closed_streams()
    try:
        exit_code = run(list(sys.argv[1:] if arguments is None else arguments))
    except (BrokenPipeError, SystemExit):
        # The reader of a pipe, such as `head`, has gone. Typer and rich turn that into SystemExit.
        exit_code = 0
    except (KeyboardInterrupt, typer.Abort):
        exit_code = INTERRUPTED
    except Exception as error:  # noqa: BLE001 (the last resort)
        exit_code = report(to_insights_error(error))
    return exit_code


def replace_closed_streams() -> None:
    """Open the null device in place of standard streams that the caller closed (`>&-`)."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def run(arguments: list[str]) -> int:
    """Run one command without handling its exceptions; return the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Escape characters that the terminal's encoding lacks.
        sys.stdout.reconfigure(errors="backslashreplace")
    app = create_app(arguments[:1])
    exit_code = app(arguments or ["--help"], prog_name="insights", standalone_mode=False)
    sys.stdout.flush()
    return int(exit_code or 0)


def create_app(wanted: Sequence[str]) -> typer.Typer:
    """Return the application. It lists every command, and can run the `wanted` one."""
    app = typer.Typer(
        cls=ProgramHelp,
        help="Read, export and maintain the collected feedback and events.",
        epilog="Run insights COMMAND --help for options and examples. All times are in UTC.",
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for name, command in COMMANDS.items():
        function = load(name) if name in wanted else placeholder
        text, examples = split_help(inspect.getdoc(function) or "")
        app.command(
            name,
            cls=CommandHelp,
            help=text or command.summary,
            epilog=examples,
            rich_help_panel=command.heading,
        )(function)
    return app


def load(name: str) -> Callable[..., None]:
    """Import the function of a command."""
    module = importlib.import_module(f"insights.commands.{COMMANDS[name].module}")
    function: Callable[..., None] = getattr(module, name.replace("-", "_"))
    return function


# A lambda has no docstring, so the help is the summary.
placeholder: Callable[..., None] = lambda: None  # noqa: E731


def report(error: InsightsError) -> int:
    """Print an error; return its exit code."""
    print_error(str(error))
    return error.exit_code


def to_insights_error(error: Exception) -> InsightsError:
    """Return the error to print for an exception."""
    mapped: InsightsError
    match error:
        case InsightsError():
            mapped = error
        case typer.TyperException():
            mapped = UsageError(error.format_message())
        case UnicodeEncodeError():
            mapped = UsageError("an argument is not valid UTF-8")
        case ConnectionFailure():
            mapped = Unreachable(f"MongoDB stopped answering ({type(error).__name__.lstrip('_')})")
        case OperationFailure() if error.code in INVALID_PATTERNS:
            mapped = UsageError(f"the pattern after ~ is not valid: {server_message(error)}")
        case OperationFailure() if error.code == NO_DISK_USE:
            mapped = Refused("not enough memory without indexes: run `insights setup` first")
        case OperationFailure():
            mapped = Refused(f"MongoDB refused the operation: {server_message(error)}")
        case PyMongoError() | BSONError():
            mapped = Refused(f"the operation failed: {error}")
        case OSError():
            mapped = FileNotWritable(f"{error.filename or 'the output'}: {error.strerror}")
        case _:
            mapped = Defect(describe(error))
    return mapped


def describe(error: Exception) -> str:
    """Return the message for an unexpected exception, with the line that raised it."""
    [frame] = traceback.extract_tb(error.__traceback__)[-1:]
    line = f"{Path(frame.filename).name}:{frame.lineno}"
    return f"internal error, please report it: {type(error).__name__} at {line}: {error}"


def end(exit_code: int) -> NoReturn:
    """Flush the output and exit immediately.

    A normal exit waits half a second for PyMongo's sleeping threads.
    """
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(exit_code)
