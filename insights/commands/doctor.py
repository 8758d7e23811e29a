"""`insights doctor`: find damaged data, and repair it."""

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
from insights.terminal.console import errors, print_json, print_line, print_rows
from insights.terminal.counts import show_counts
from insights.terminal.options import AsJson
from insights.terminal.program import program
from insights.terminal.questions import Yes, ask
from insights.wording import show_number

Repair = Annotated[bool, typer.Option("--repair", help="Repair what can be repaired safely.")]

Findings = Sequence[tuple[Check, Tally]]

ORIGINALS = (
    f"The originals of changed and removed documents are in the collection `{REPAIRED}`, "
    "each in its field `document`."
)


def doctor(repair: Repair = False, yes: Yes = False, as_json: AsJson = False) -> None:
    """Find damaged data, and repair it.

    It counts missing indexes, feedback with several _id fields, timestamps that are not dates, ids
    that are not texts, and feedback that is stored several times for one user and message. Without
    --repair, nothing is changed.

    --repair shows the counts and asks first. Before a document is changed or removed, its original
    is stored in the collection `repaired`, in the field `document`; only an _id field that repeats
    another is dropped without that. Documents that the functions change at the same time are left.
    A repair can be interrupted at any moment, and run again.

    Examples:
        insights doctor
        insights doctor --json
        insights doctor --repair
        insights doctor --repair --yes --json
    """
    if repair and as_json and not yes:
        raise UsageError("--json prints no counts to decide on: give --yes, too")
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
            print_line(f"{show_number(repairable)} can be repaired: {command()} does that.")


def ask_to_repair(findings: Findings) -> None:
    """Ask whether to repair what is repairable.

    Raises:
        Declined: the answer is no.
        UsageError: there is nobody to answer.
    """
    repairable = sum(tally.repairable for _, tally in findings)
    found = sum(tally.found for _, tally in findings)
    ask(f"Repair {show_number(repairable)} of {show_number(found)} findings?")


def run_checks(database: Database[Document], settings: Settings, *, repair: bool) -> Findings:
    """Run all checks, or all repairs; a terminal shows how far it is."""
    with errors().status("Looking through feedback and events") as status:
        return [
            (check, run(check, status, repair=repair)) for check in all_checks(database, settings)
        ]


def run(check: Check, status: Status, *, repair: bool) -> Tally:
    """Run a check or its repair to the end; return its tally."""
    tally = Tally()
    for tally in check.repair() if repair else check.find():
        done = f"{show_number(tally.repaired)} repaired" if repair else "so far"
        found = f"{show_number(tally.found)} found, {done}"
        status.update(f"{check.collection}: {check.title} ({found})")
    return tally


def print_found(database: Database[Document], findings: Findings) -> None:
    """Print what was found as a table, or that nothing was."""
    rows = [
        (*cells(check, tally), show_number(tally.repairable), show_reasons(tally))
        for check, tally in findings
        if tally.found
    ]
    if rows:
        print_rows(("Finding", "Collection", "Found", "Repairable", "Not repairable"), rows)
        print_line("")
        return
    stored = {kind: database[kind.collection].estimated_document_count() for kind in Kind}
    print_line(f"Nothing to repair in {show_counts(stored)}.")


def print_repaired(findings: Findings) -> None:
    """Print what was repaired as a table, and where the originals are."""
    rows = [
        (*cells(check, tally), show_number(tally.repaired), show_left(tally))
        for check, tally in findings
        if tally.found
    ]
    print_rows(("Finding", "Collection", "Found", "Repaired", "Not repaired"), rows)
    print_line("")
    if any(tally.repaired for check, tally in findings if check.keeps_originals):
        print_line(ORIGINALS)
    if changed := sum(tally.changed for _, tally in findings):
        print_line(f"{show_number(changed)} changed meanwhile: {command()} looks at them again.")


def cells(check: Check, tally: Tally) -> tuple[str, str, str]:
    """Return the first cells of a row."""
    return check.title, check.collection, show_number(tally.found)


def show_reasons(tally: Tally) -> str:
    """Return `2 null, 1 array`, the most frequent first."""
    return ", ".join(
        f"{show_number(count)} {reason}" for reason, count in tally.reasons.most_common()
    )


def show_left(tally: Tally) -> str:
    """Return the reasons why some were not repaired, with those that changed."""
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


def command() -> str:
    """Return the command that repairs, as it is typed into a shell."""
    return f"`{program()} doctor --repair`"
