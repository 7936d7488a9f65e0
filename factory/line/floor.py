"""What every step of a pass works with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from factory.line.crew import Crew
from factory.line.intake import Intake
from factory.line.ledger import Ledger, Tell
from factory.line.lock import owner_of
from factory.line.survey import Surveyor
from factory.store.repository.objects import Person
from factory.store.repository.repository import Repository
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
    warned: set[str] = field(default_factory=set)  # what has been said once and need not be said again

    @property
    def owner(self) -> str:
        """Of the leases taken here."""
        return owner_of(self.repository)
