"""Hostile and long texts on a terminal of any width, in a pipe and in a file."""

import os
import pty
import re
import termios
from contextlib import suppress

import pytest
from pymongo.database import Database
from rich.cells import cell_len

from tests.support.documents import NOON, Document, a_feedback, an_event
from tests.support.insights_cli import Insights

ESCAPE_SEQUENCE = re.compile(r"\x1b\[([0-9;]*)m")
COLOUR = re.compile(r"\x1b\[([0-9]+;)*(3[0-8]|4[0-8]|9[0-7])[0-9;]*m")
RAW = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
UUID = "018f4b2e-7c1a-7b3a-9d57-3a4f5b6c7d8e"

HOSTILE = {
    "markup": ("[red]x[/red] [/] [link=http://evil] :smile:",) * 2,
    "escape sequence": ("\x1b[2J\x1b]0;title\x07x", "\ufffd[2J\ufffd]0;title\ufffdx"),
    "eight-bit control": ("\x9b2Jx\x7f\x80", "\ufffd2Jx\ufffd\ufffd"),
    "line ends": ("a\nb\r\nc\rd\te\x0bf\x0cg\u2028h\u2029i\x85j", "a b c d e f g h i j"),
    "backspaces": ("good\b\b\b\bbad", "good\ufffd\ufffd\ufffd\ufffdbad"),
    "right-to-left override": ("\u202eevil\u202c \u2066x\u2069", "\ufffdevil\ufffd \ufffdx\ufffd"),
    "directional marks": ("a\u200eb\u200fc\u061cd", "a\ufffdb\ufffdc\ufffdd"),
}


def on_terminal(insights: Insights, width: int, *arguments: str, **environment: str) -> str:
    """Return a command's output on a terminal of this width."""
    controller, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, width))
    environment = {"TERM": "xterm-256color"} | environment
    with insights.start_into(terminal, arguments, environment):
        os.close(terminal)
        printed = b""
        # Linux raises an error when the other end is closed.
        with suppress(OSError):
            while part := os.read(controller, 4096):
                printed += part
    os.close(controller)
    return printed.decode()


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("field", ["comment", "user_id", "message_id", "rating"])
def test_a_table_shows_texts_of_users_without_interpreting_them(
    insights: Insights, empty_database: Database[Document], field: str, name: str
) -> None:
    text, shown = HOSTILE[name]
    empty_database.feedback.insert_one(a_feedback(NOON, **{field: text}))

    result = insights("feedback")

    [_, line] = result.stdout.splitlines()
    assert shown in line


@pytest.mark.parametrize("name", HOSTILE)
def test_a_table_shows_reasons_without_interpreting_them(
    insights: Insights, empty_database: Database[Document], name: str
) -> None:
    text, shown = HOSTILE[name]
    empty_database.feedback.insert_one(a_feedback(NOON, reasons=[text]))

    [_, line] = insights("feedback").stdout.splitlines()

    assert line.endswith(f"  [{shown}]")


@pytest.mark.parametrize("name", HOSTILE)
def test_json_returns_hostile_texts_without_raw_control_characters(
    insights: Insights, empty_database: Database[Document], name: str
) -> None:
    text, _ = HOSTILE[name]
    empty_database.analytics.insert_one(
        an_event(NOON, event_type=text, user_id=text, details={text: [text]})
    )

    result = insights("events", "--json")

    [line] = result.lines
    assert (line["event_type"], line["user_id"], line["details"]) == (text, text, {text: [text]})
    assert not RAW.search(result.stdout)
    assert not RAW.search(insights("events").stdout)


def test_an_error_shows_the_users_argument_in_one_harmless_line(command_line: Insights) -> None:
    result = command_line("feedback", "--where", "\x1b[2J\n[red]x=1\u202e")

    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "\x1b" not in result.stderr
    assert "[red]x" in result.stderr


@pytest.mark.parametrize("width", [60, 80, 132])
@pytest.mark.parametrize("command", ["feedback", "events"])
def test_a_table_fits_the_terminal(
    insights: Insights, empty_database: Database[Document], command: str, width: int
) -> None:
    long = "word " * 800
    for text in (long, "x" * 4000, "汉字" * 100, "👍🏽" * 50, "short"):
        identifiers = {"user_id": UUID + text[:100]}
        empty_database.feedback.insert_one(
            a_feedback(NOON, **identifiers, rating=text[:64], comment=text, reasons=[text[:64]])
        )
        empty_database.analytics.insert_one(
            an_event(NOON, **identifiers, event_type=text[:200], details={"text": text})
        )

    printed = on_terminal(insights, width, command)

    lines = ESCAPE_SEQUENCE.sub("", printed).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert sum(line.startswith("2026-11-01 12:00  ") for line in lines) == 5
    assert any("018f4b" in line for line in lines)
    assert any("short" in line for line in lines)


def test_ratings_are_distinguishable_in_60_columns(
    insights: Insights, empty_database: Database[Document]
) -> None:
    for rating in ("thumbs_up", "thumbs_down"):
        empty_database.feedback.insert_one(
            a_feedback(NOON, user_id=UUID, rating=rating, comment="word " * 20)
        )

    printed = on_terminal(insights, 60, "feedback")

    assert printed.count("  thumbs_up  ") == printed.count("  thumbs_down  ") == 1


def test_a_long_text_is_truncated_only_on_a_terminal(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON, comment="word " * 800))

    assert on_terminal(insights, 80, "feedback").count("word") == 40
    assert insights.run("feedback").stdout.count("word") == 800


@pytest.mark.parametrize("command", ["feedback", "events"])
def test_a_pipe_gets_each_document_as_one_whole_line_without_colours(
    insights: Insights, empty_database: Database[Document], command: str
) -> None:
    long = " ".join(f"word{number}" for number in range(500))
    for text in (long, "short"):
        empty_database.feedback.insert_one(a_feedback(NOON, user_id=UUID * 5, comment=text))
        empty_database.analytics.insert_one(
            an_event(NOON, user_id=UUID * 5, details={"text": text})
        )

    result = insights.run(command, TERM="xterm-256color")

    lines = result.stdout.splitlines()
    assert len(lines) == 3
    assert sum(long in line and UUID * 5 in line for line in lines) == 1
    assert "\x1b" not in result.stdout
    assert not any(line.endswith(" ") for line in lines)


def test_no_color_is_respected(insights: Insights) -> None:
    assert COLOUR.search(on_terminal(insights, 80, "--help"))
    assert not COLOUR.search(on_terminal(insights, 80, "--help", NO_COLOR="1"))
    assert "\x1b" not in insights.run("--help", TERM="xterm-256color").stdout


@pytest.mark.parametrize("arguments", [["--help"], ["feedback", "--help"]])
def test_help_fits_a_narrow_terminal(command_line: Insights, arguments: list[str]) -> None:
    printed = ESCAPE_SEQUENCE.sub("", on_terminal(command_line, 60, *arguments))

    assert "Usage: insights" in printed
    assert max(map(cell_len, printed.splitlines())) <= 60


def test_an_encoding_without_some_characters_breaks_nothing(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON, rating="👍", comment="é"))

    table = insights.run("feedback", PYTHONIOENCODING="ascii")
    lines = insights.run("feedback", "--json", PYTHONIOENCODING="ascii")

    assert (table.exit_code, table.stderr) == (0, "")
    assert "U0001f44d" in table.stdout
    assert lines.lines[0]["rating"] == "👍"
    assert lines.lines[0]["comment"] == "é"
