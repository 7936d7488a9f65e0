"""What every step of a pass works with."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from factory.line.crew import Crew
from factory.line.intake import Intake
from factory.line.ledger import Ledger, Tell
from factory.line.lock import owner_of
from factory.line.survey import Case, Surveyor
from factory.model.errors import InvalidFile, MachineError, Problem
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
    troubles: list[Problem] = field(default_factory=list)  # of single items, in the present pass
    warned: set[str] = field(default_factory=set)  # what has been said once and need not be said again

    @contextmanager
    def sparing_others(self, case: Case) -> Iterator[None]:
        """Work on one item: what cannot be read for it costs it a reason, and nobody else anything.

        Publish outside of it.
        """
        mark = self.ledger.mark()
        try:
            yield
        except (InvalidFile, MachineError) as error:
            self.ledger.back_to(mark)
            found = error.problems if isinstance(error, InvalidFile) else ()
            self.troubles.extend(found or [Problem(case.placed.path, 1, 1, error.message)])

    @property
    def owner(self) -> str:
        """Of the leases taken here."""
        return owner_of(self.repository)
