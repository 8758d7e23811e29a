"""The advice to run `setup` before a slow command."""

from pymongo.database import Database

from insights.kinds import Document, Kind
from insights.mongodb.indexes import Action, plan
from insights.settings import Settings
from insights.terminal.console import print_warning
from insights.terminal.program import program

# Fewer documents are fast to read without an index.
MANY = 10_000


def advise_setup(database: Database[Document], settings: Settings) -> None:
    """Suggest `setup` for a large collection without indexes."""
    stored = sum(database[kind.collection].estimated_document_count() for kind in Kind)
    if stored > MANY and any(step.action is Action.CREATE for step in plan(database, settings)):
        print_warning(f"this may be slow without indexes: run `{program()} setup`")
