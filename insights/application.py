"""The application: its commands, and the line and the exit code for whatever goes wrong."""

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
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from insights.errors import Defect, FileNotWritable, InsightsError, Refused, Unreachable, UsageError
from insights.mongodb.servers import server_message
from insights.terminal.console import print_error
from insights.terminal.help import CommandHelp, ProgramHelp, split_help

INTERRUPTED = 130
INVALID_PATTERN = 51091
NO_DISK_USE = 292

READ = "Read"
KEEP = "Keep in order"


class Command(NamedTuple):
    """Where a command is, and what the list of commands says of it.

    `module` is one of `insights.commands`. It has a function of the command's name, whose
    docstring is the help and ends in a section of `Examples:`.
    """

    module: str
    heading: str
    summary: str


# Only the module of the command that is asked for is imported: a list of feedback should not wait
# for what draws charts. So the summaries are here, where the list of commands finds them.
COMMANDS = {
    "summary": Command(
        "summary", READ, "Show how answers are rated, which are worst, and what users do."
    ),
    "feedback": Command("feedback", READ, "List feedback, newest first."),
    "events": Command("events", READ, "List events, newest first."),
    "tail": Command("tail", READ, "Print feedback and events as they arrive."),
    "journey": Command("journey", READ, "Show what users did before they gave a rating."),
    "dashboard": Command("dashboard", READ, "Make a page with charts, or serve it."),
    "export": Command("export", READ, "Write all feedback or events to a file, oldest first."),
    "setup": Command("setup", KEEP, "Create the indexes, and delete data after its time."),
    "doctor": Command("doctor", KEEP, "Find damaged data, and repair it."),
    "demo": Command("demo", KEEP, "Fill a database with believable feedback and events."),
    "forget": Command("forget", KEEP, "Erase all feedback and events of a user."),
    "opt-out": Command("opt_outs", KEEP, "Store no more events of a user."),
    "opt-in": Command("opt_outs", KEEP, "Store events of a user again."),
    "opt-outs": Command("opt_outs", KEEP, "List the users who opted out, newest first."),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    replace_closed_streams()
    try:
        exit_code = run(list(sys.argv[1:] if arguments is None else arguments))
    except (BrokenPipeError, SystemExit):
        # Nobody reads on, as `head` does; Typer and rich make a SystemExit of it.
        exit_code = 0
    except (KeyboardInterrupt, typer.Abort):
        exit_code = INTERRUPTED
    except Exception as error:  # noqa: BLE001 (the one place that maps them)
        exit_code = report(to_insights_error(error))
    return exit_code


def replace_closed_streams() -> None:
    """Let the null device stand for each standard stream that the caller closed (`>&-`)."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def run(arguments: list[str]) -> int:
    """Run one command, with all that may go wrong; return the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # No character stops the output, whatever encoding the terminal has.
        sys.stdout.reconfigure(errors="backslashreplace")
    app = create_app(arguments[:1])
    exit_code = app(arguments or ["--help"], prog_name="insights", standalone_mode=False)
    sys.stdout.flush()
    return int(exit_code or 0)


def create_app(wanted: Sequence[str]) -> typer.Typer:
    """Return the application, of whose commands only the wanted one can be run."""
    app = typer.Typer(
        cls=ProgramHelp,
        help="Read, understand, export, stream and erase feedback and events.",
        epilog="COMMAND --help shows examples. All times are in UTC.",
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for name, command in COMMANDS.items():
        function = load(name) if name in wanted else not_loaded
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


# It has no docstring: the summary takes its place.
not_loaded: Callable[..., None] = lambda: None  # noqa: E731


def report(error: InsightsError) -> int:
    """Print an error in one line; return its exit code."""
    print_error(str(error))
    return error.exit_code


def to_insights_error(error: Exception) -> InsightsError:
    """Return what to tell the user of an exception."""
    told: InsightsError
    match error:
        case InsightsError():
            told = error
        case typer.TyperException():
            told = UsageError(error.format_message())
        case UnicodeEncodeError():
            told = UsageError("an argument is not valid UTF-8")
        case ConnectionFailure():
            told = Unreachable(f"MongoDB does not answer any more ({type(error).__name__})")
        case OperationFailure() if error.code == INVALID_PATTERN:
            told = UsageError(f"the pattern after ~ is not valid: {server_message(error)}")
        case OperationFailure() if error.code == NO_DISK_USE:
            told = Refused("without its indexes this takes too much memory: run `setup` first")
        case OperationFailure():
            told = Refused(f"MongoDB refused the operation: {server_message(error)}")
        case PyMongoError():
            told = Refused(f"MongoDB could not do it: {error}")
        case OSError():
            told = FileNotWritable(f"{error.filename or 'the output'}: {error.strerror}")
        case _:
            told = Defect(describe(error))
    return told


def describe(error: Exception) -> str:
    """Say what an exception is that nobody expected, and where it was raised."""
    [place] = traceback.extract_tb(error.__traceback__)[-1:]
    where = f"{Path(place.filename).name}:{place.lineno}"
    return f"a defect of this tool, please report it: {type(error).__name__} at {where}: {error}"


def end(exit_code: int) -> NoReturn:
    """End the process at once, with what is left of its output written where that can be.

    A normal end would wait half a second for PyMongo's threads, which only sleep.
    """
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(exit_code)
