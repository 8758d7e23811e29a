"""Missing indexes, which the other commands need."""

from collections.abc import Iterator
from dataclasses import dataclass

from insights.mongodb.indexes import Action, Step, apply, plan
from insights.repair.findings import Check, Tally
from insights.settings import Settings


@dataclass(frozen=True)
class MissingIndexes(Check):
    """Indexes of a collection that `setup` would create."""

    settings: Settings

    keeps_originals = False

    def find(self) -> Iterator[Tally]:
        """Count the missing indexes."""
        tally = Tally()
        self.repairable_steps(tally)
        yield tally

    def repair(self) -> Iterator[Tally]:
        """Create the missing indexes."""
        tally = Tally()
        yield tally
        for step in self.repairable_steps(tally):
            apply(self.database, step)
            tally.repaired += 1
            yield tally

    def repairable_steps(self, tally: Tally) -> list[Step]:
        """Count the missing indexes; return the steps that are safe."""
        steps = [
            step
            for step in plan(self.database, self.settings)
            if step.collection == self.collection
        ]
        removed = {step.name for step in steps if step.action is Action.REMOVE}
        missing = [step for step in steps if step.action is Action.CREATE]
        reasons = {
            step.name: reason for step in missing if (reason := reason_against(step, removed))
        }
        tally.found += len(missing)
        tally.reasons.update(reasons.values())
        return [step for step in missing if step.name not in reasons]


def reason_against(step: Step, removed: set[str]) -> str | None:
    """Return why this step is left to `setup`: it deletes documents, or replaces an index."""
    if step.command is not None and "expireAfterSeconds" in step.command["indexes"][0]:
        return "deletes old data: run setup"
    return "name in use: run setup" if step.name in removed else None
