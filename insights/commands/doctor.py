"""`insights doctor`: find and repair damaged data."""

from collections.abc import Sequence
from typing import Annotated

import typer
from pymongo.database import Database
from rich.status import Status

from insights.errors import UsageError
from insights.kinds import Document, Kind
from insights.mongodb.connection import open_database
from insights.repair.checks import all_checks
from insights.repair.findings import Check, Tally
from insights.repair.originals import REPAIRED
from insights.settings import Settings, read_settings
from insights.terminal.console import errors, print_json, print_line
from insights.terminal.counts import show_counts
from insights.terminal.options import AsObject
from insights.terminal.program import program
from insights.terminal.questions import Yes, ask
from insights.terminal.tables import print_rows
from insights.wording import show_number

Repair = Annotated[bool, typer.Option("--repair", help="Repair the repairable findings.")]

Findings = Sequence[tuple[Check, Tally]]

ORIGINALS = (
    f"The originals of changed and removed documents are in the collection `{REPAIRED}`, "
    "in the field `document`."
)


def doctor(repair: Repair = False, yes: Yes = False, as_json: AsObject = False) -> None:
    """Find and repair damaged data.

    Counts missing indexes, feedback with several _id fields, timestamps that are not dates, ids
    that are not text, and repeated feedback of one user on one message. Changes nothing without
    --repair.

    --repair shows the counts and asks for confirmation. It first copies each document that it
    changes or removes to the collection `repaired`, into the field `document`; a duplicate _id
    field is dropped without a copy. Documents that the functions change at the same time are
    skipped. A repair can be interrupted at any time and run again.

    Examples:
        insights doctor
        insights doctor --json
        insights doctor --repair
        insights doctor --repair --yes --json
    """
    if repair and as_json and not yes:
        raise UsageError("--repair --json cannot ask for confirmation: pass --yes, too")
    settings = read_settings()
    with open_database(settings) as database:
        findings = run_checks(database, settings, repair=repair and as_json)
        if as_json:
            print_json(to_json(findings))
            return
        print_found(database, findings)
        repairable = sum(tally.repairable for _, tally in findings)
        if repair and repairable:
            if not yes:
                ask_to_repair(findings)
            print_repaired(run_checks(database, settings, repair=True))
        elif repairable:
            print_line(f"{show_number(repairable)} can be repaired: run {repair_command()}.")


def ask_to_repair(findings: Findings) -> None:
    """Ask for confirmation of the repair.

    Raises:
        Declined: the answer is no.
        UsageError: standard input has ended.
    """
    repairable = sum(tally.repairable for _, tally in findings)
    found = sum(tally.found for _, tally in findings)
    ask(f"Repair {show_number(repairable)} of {show_number(found)} findings?")


def run_checks(database: Database[Document], settings: Settings, *, repair: bool) -> Findings:
    """Run all checks, or all repairs, with their progress on a terminal."""
    with errors().status("Checking feedback and events") as status:
        return [
            (check, run(check, status, repair=repair)) for check in all_checks(database, settings)
        ]


def run(check: Check, status: Status, *, repair: bool) -> Tally:
    """Run a check or its repair; return its final tally."""
    tally = Tally()
    for tally in check.repair() if repair else check.find():
        done = f"{show_number(tally.repaired)} repaired" if repair else "so far"
        found = f"{show_number(tally.found)} found, {done}"
        status.update(f"{check.collection}: {check.title} ({found})")
    return tally


def print_found(database: Database[Document], findings: Findings) -> None:
    """Print the findings as a table."""
    rows = [
        (*cells(check, tally), show_number(tally.repairable), show_reasons(tally))
        for check, tally in findings
        if tally.found
    ]
    if rows:
        print_rows(
            ("Finding", "Collection", "Found", "Repairable", "Not repairable"), rows, titles=2
        )
        print_line("")
        return
    stored = {kind: database[kind.collection].estimated_document_count() for kind in Kind}
    print_line(f"Nothing to repair in {show_counts(stored)}.")


def print_repaired(findings: Findings) -> None:
    """Print the repairs as a table, and the place of the originals."""
    rows = [
        (*cells(check, tally), show_number(tally.repaired), show_unrepaired(tally))
        for check, tally in findings
        if tally.found
    ]
    print_rows(("Finding", "Collection", "Found", "Repaired", "Not repaired"), rows, titles=2)
    print_line("")
    if any(tally.repaired for check, tally in findings if check.keeps_originals):
        print_line(ORIGINALS)
    if changed := sum(tally.changed for _, tally in findings):
        print_line(f"{show_number(changed)} changed meanwhile: run {repair_command()} again.")


def cells(check: Check, tally: Tally) -> tuple[str, str, str]:
    """Return the first cells of a row."""
    return check.title, check.collection, show_number(tally.found)


def show_reasons(tally: Tally) -> str:
    """Return `2 null, 1 array`, most frequent first."""
    return ", ".join(
        f"{show_number(count)} {reason}" for reason, count in tally.reasons.most_common()
    )


def show_unrepaired(tally: Tally) -> str:
    """Return the reasons for skipped documents, including those that changed meanwhile."""
    changed = f"{show_number(tally.changed)} changed meanwhile" if tally.changed else ""
    return ", ".join(filter(None, (show_reasons(tally), changed)))


def to_json(findings: Findings) -> Document:
    """Return the counts by collection and check."""
    counts: Document = {kind.collection: {} for kind in Kind}
    for check, tally in findings:
        counts[check.collection][check.name] = {
            "found": tally.found,
            "repairable": tally.repairable,
            "not_repairable": dict(tally.reasons),
            "repaired": tally.repaired,
            "changed_meanwhile": tally.changed,
        }
    return counts


def repair_command() -> str:
    """Return the command that repairs, in backquotes."""
    return f"`{program()} doctor --repair`"
