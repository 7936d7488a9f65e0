"""Stumbles: a machine that fails in the midst of a landing, when a part of it is written already."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

from factory.line.snapshot import ItemState
from factory.line.writer import Move, Writer
from factory.model.errors import MachineError
from factory.model.events import Finished
from factory.store.queue import VerdictFile
from factory.store.repository.repository import Arrival
from tests.simulation.workers import Tally

_LET_DOWN = 0.15  # how often


@contextmanager
def stumbling(writer: Writer, tally: Tally) -> Iterator[None]:
    """Let some finishes fail, once the merge before them is written."""
    move = writer.move

    def moves(
        state: ItemState, what: Move, verdicts: Iterable[VerdictFile] = (), arrival: Arrival | None = None
    ) -> ItemState:
        if tally.stumbles and isinstance(what.payload, Finished) and tally.stumbles.random() < _LET_DOWN:
            raise MachineError("the machine let it down")
        return move(state, what, verdicts, arrival)

    with patch.object(writer, "move", moves):
        yield
