"""What every step of a pass works with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import ValidationError

from factory.execution.cell.pool import Cells
from factory.line.intake.take_in import Intake
from factory.line.lock import owner_of
from factory.line.review.conflicts import Conflicts
from factory.line.runs import Runs
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.line.wakeup import Wakeup
from factory.line.writer import Writer
from factory.model.bounds import Bounds
from factory.model.errors import FactoryError, InvalidFile, MachineError, Problem
from factory.model.events import Tell
from factory.model.layout import item_path
from factory.model.lifecycle import Lane
from factory.store.repository.objects import Person
from factory.store.repository.repository import Repository
from factory.store.system import System


@dataclass
class Context:
    """The things that last from pass to pass."""

    repository: Repository
    branch: str
    reader: SnapshotReader
    writer: Writer
    intake: Intake
    runs: Runs
    wakeup: Wakeup
    cells: Cells
    tell: Tell
    me: Person
    item_problems: list[Problem] = field(default_factory=list)  # of single items, in the present pass
    warned: set[str] = field(default_factory=set)  # what has been said once and need not be said again
    obstructed: set[str] = field(default_factory=set)  # the items that a person's changes kept from landing
    riding: list[str] = field(default_factory=list)  # the items in the merge train, in its order
    conflicts: Conflicts = field(default_factory=Conflicts)  # of what is in review
    applies_begun: dict[str, datetime] = field(default_factory=dict)  # when apply commands began here, by subject
    synced: bool = False  # whether this clone pushes each pass

    @property
    def system(self) -> System:
        """The clock, and all else that comes from outside."""
        return self.repository.system

    def bound(self, bounds: Bounds) -> None:
        """Have other bounds, for whatever is read, and whoever gets a cell, from now on. From any thread."""
        self.reader.library.bounds = self.cells.bounds = bounds

    @contextmanager
    def isolating(self, state: ItemState) -> Iterator[None]:
        """Work on one item: what cannot be read for it costs it a reason, and nobody else anything.

        Publish outside of it.
        """
        mark = self.writer.mark()
        try:
            yield
        except (InvalidFile, MachineError, ValidationError) as error:
            self.writer.back_to(mark)
            found = error.problems if isinstance(error, InvalidFile) else ()
            words = error.message if isinstance(error, FactoryError) else "what came of it cannot be written down"
            said = found or (Problem(state.placed.path, 1, 1, words),)
            self.writer.once_published(lambda: self.item_problems.extend(said))

    def free_id(self, snapshot: Snapshot, base: str) -> str:
        """An id for a new item in the inbox, which no item has: none of those either that this pass is writing."""
        written = self.writer.batch.tree
        return next(
            each
            for each in self.reader.free_ids(snapshot.tree, snapshot.listing, base)
            if written.get(item_path(Lane.INBOX, each)) is None
        )

    @property
    def owner(self) -> str:
        """Who takes leases in this clone, as journals say it."""
        return owner_of(self.repository)
