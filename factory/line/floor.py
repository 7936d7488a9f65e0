"""What every step of a pass works with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from factory.line.crew import Crew
from factory.line.intake import Intake
from factory.line.ledger import Ledger, Tell
from factory.line.survey import Surveyor
from factory.model.lifecycle import Outcome
from factory.store.repository.objects import Person
from factory.store.repository.repository import Arrival, Repository
from factory.work.workcell import Cells


@dataclass
class Floor:
    """The things that last from pass to pass."""

    repository: Repository
    branch: str
    surveyor: Surveyor
    ledger: Ledger
    intake: Intake
    crew: Crew
    cells: Cells
    clock: Callable[[], datetime]
    tell: Tell
    me: Person
    owner: str  # of the leases taken here: this host and this clone

    def outcome_of(self, tree: str, item_id: str) -> Outcome | None:
        """How an item ended; None when it has not, or is not there."""
        day = self.surveyor.queue.done_day(tree, item_id)
        return self.surveyor.artifacts.history(tree, item_id, day).outcome if day else None


class Arrivals:
    """When items came into the inbox, read from the history once and then only what is new."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._seen: str | None = None
        self._found: dict[str, Arrival] = {}

    def at(self, head: str) -> dict[str, Arrival]:
        """By path, for everything that ever came into the inbox up to a commit."""
        if self._seen != head:
            for path, arrival in self._repository.arrivals(head, "queue/inbox", self._seen).items():
                self._found.setdefault(path, arrival)
            self._seen = head
        return self._found
