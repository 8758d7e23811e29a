"""What the user had better do first."""

from pymongo.database import Database

from insights.kinds import Document, Kind
from insights.mongodb.indexes import Action, plan
from insights.settings import Settings
from insights.terminal.console import print_warning
from insights.terminal.program import program

# Fewer documents are read in no time, with or without an index.
MANY = 10_000


def advise_setup(database: Database[Document], settings: Settings) -> None:
    """Say that `setup` would help, if much is stored without the indexes."""
    stored = sum(database[kind.collection].estimated_document_count() for kind in Kind)
    if stored > MANY and any(step.action is Action.CREATE for step in plan(database, settings)):
        print_warning(f"without its indexes this may take long: `{program()} setup` creates them")
