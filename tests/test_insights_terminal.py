"""Hostile and long texts on a terminal of any width, in a pipe and in a file."""

import os
import pty
import re
import termios
from contextlib import suppress
from datetime import UTC, datetime, timedelta

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


def printed_lines(insights: Insights, width: int, *arguments: str) -> list[str]:
    """Return the lines of a command's output on a terminal, without colours."""
    printed = ESCAPE_SEQUENCE.sub("", on_terminal(insights, width, *arguments))
    return [line.rstrip() for line in printed.splitlines()]


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
def test_a_list_fits_the_terminal(
    insights: Insights, empty_database: Database[Document], command: str, width: int
) -> None:
    for text in ("word " * 800, "汉字" * 100, "👍🏽 " * 50, "short"):
        empty_database.feedback.insert_one(
            a_feedback(NOON, user_id=UUID, rating=text[:12], comment=text, reasons=[text[:64]])
        )
        empty_database.analytics.insert_one(
            an_event(NOON, user_id=UUID, event_type=text[:12], details={"text": text})
        )

    lines = printed_lines(insights, width, command)

    assert max(map(cell_len, lines)) <= width
    assert sum(line.startswith("2026-11-01 12:00  ") for line in lines) == 4
    assert sum(UUID in line for line in lines) == 4
    assert any("short" in line for line in lines)


def test_a_list_is_a_table_where_its_texts_have_room(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one(
        a_feedback(NOON, user_id=UUID, message_id="m1", rating="thumbs_up", comment="word " * 9)
    )

    assert [line.split() for line in printed_lines(insights, 100, "feedback")] == [
        ["Time", "(UTC)", "Rating", "User", "Message", "Comment"],
        ["2026-11-01", "12:00", "thumbs_up", UUID, "m1", *["word"] * 5],
        ["word"] * 4,
    ]
    assert printed_lines(insights, 80, "feedback") == [
        "Time (UTC)  Rating",
        "",
        f"2026-11-01 12:00  thumbs_up  user {UUID}",
        "  message m1",
        f"  comment  {'word ' * 9}".rstrip(),
    ]


IDS = {
    "UUID": UUID,
    "ObjectId": "65a1b2c3d4e5f60718293a4b",
    "URI": f"https://id.example.com/{'tenant-1/' * 19}u1",
    "blanks": "an id with blanks in it, " * 4 + "42",
    "Chinese": "用户标识" * 15,
}

COMMANDS = {
    "feedback": (),
    "events": (),
    "opt-outs": (),
    "summary": (),
    "compare": ("--by", "details.id"),
    "user": (),
}


@pytest.mark.parametrize("width", [40, 60])
@pytest.mark.parametrize("command", COMMANDS)
def test_ids_are_whole_on_one_line(
    insights: Insights, empty_database: Database[Document], command: str, width: int
) -> None:
    now = datetime.now(UTC) - timedelta(hours=1)
    values = [each.replace(" ", "") for each in IDS.values()]
    for each, value in zip(IDS.values(), values, strict=True):
        given = {"user_id": each, "message_id": each, "rating": "down", "comment": "word " * 30}
        empty_database.feedback.insert_one(a_feedback(now, **given))
        event = an_event(now - timedelta(minutes=1), user_id=each, details={"id": value})
        empty_database.analytics.insert_one(event)
        empty_database.opt_outs.insert_one({"_id": each, "timestamp": now})

    for each in IDS.values() if command == "user" else [""]:
        arguments = (command, *COMMANDS[command], *([each] if each else []))
        lines = insights(*arguments, COLUMNS=str(width)).stdout.splitlines()
        shown = values if command == "compare" else [each] if each else IDS.values()
        assert [text for text in shown if not any(text in line for line in lines)] == []


def test_a_long_text_does_not_end_within_an_id(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.analytics.insert_one(
        an_event(NOON, details={"text": "word " * 33, "trace": UUID})
    )

    printed = insights("events", COLUMNS="80").stdout

    assert printed.rstrip().endswith('"trace": …')


def test_a_long_text_is_truncated_only_on_a_terminal(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON, comment="word " * 800))

    assert on_terminal(insights, 80, "feedback").count("word") == 39
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
    help_page, *_ = "\n".join(printed_lines(command_line, 60, *arguments)).split("Examples:")

    assert "Usage: insights" in help_page
    assert max(map(cell_len, help_page.splitlines())) <= 60


def test_the_examples_of_help_can_be_copied(command_line: Insights) -> None:
    lines = printed_lines(command_line, 40, "events", "--help")

    assert " insights events --event-type page_view --since 24h" in lines


def test_a_questions_id_is_whole(insights: Insights, empty_database: Database[Document]) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON, user_id=IDS["URI"]))

    result = insights("forget", IDS["URI"], answer="n\n", COLUMNS="60")

    assert f"Erase 1 feedback and 0 events of {IDS['URI']}?" in result.stderr


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
