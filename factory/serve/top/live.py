"""What is live: who works at this moment, on this machine, and what they print. None of it is in a commit."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from factory.line.lock import Holder
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.report.liveness import liveness
from factory.report.output import Output, output_of
from factory.store.state import LIVE

_MOST_BYTES = 65_536  # that are read at once: of what came faster than that the middle is left out
_MOST_LINES = 200


@dataclass(frozen=True)
class Worker:
    """An item that is at work."""

    id: str
    run: int
    state: str  # as in a row of the status
    sign: str  # what it does, and its last sign of life
    since: datetime | None
    tail: tuple[str, ...]  # the last lines that it has printed, for a terminal


class Tail:
    """The end of a file that grows, read on from where it was; begun anew where another file took its place."""

    def __init__(self, path: Path, output: Callable[[], Output]) -> None:
        self._path = path
        self._make = output
        self._output = output()
        self._file, self._read = 0, 0
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)

    def lines(self) -> tuple[str, ...]:
        """What is to be seen of it now."""
        with suppress(OSError):  # it is removed with the end of the run, and what was seen of it stays
            seen = self._path.stat()
            if seen.st_ino != self._file or seen.st_size < self._read:
                self._file, self._read, self._output = seen.st_ino, 0, self._make()
                self._lines.clear()
            if seen.st_size > self._read:
                self._lines.extend(self._more(seen.st_size))
        return tuple(self._lines)

    def _more(self, size: int) -> list[str]:
        skipped = size - self._read > _MOST_BYTES
        if skipped:
            self._read, self._output = size - _MOST_BYTES, self._make()
        with self._path.open("rb") as file:
            file.seek(self._read)
            new = file.read(_MOST_BYTES)
        self._read += len(new)
        return list(self._output.more(new.partition(b"\n")[2] if skipped else new))


class Overlay:
    """Who is at work, and the tail of what each prints."""

    def __init__(self) -> None:
        self._tails: dict[tuple[str, int], Tail] = {}

    def workers(
        self, reader: SnapshotReader, snapshot: Snapshot, now: datetime, holder: Holder | None
    ) -> tuple[Worker, ...]:
        """Those of the active items of a snapshot, as they are now."""
        at_work = [state for state in snapshot.at_work() if not state.unread]
        self._tails = {
            (state.id, state.history.run): self._tails.get((state.id, state.history.run))
            or Tail(reader.repository.state / LIVE / state.id, partial(output_of, reader, snapshot, state))
            for state in at_work
            if state.contract is not None and state.item is not None
        }
        return tuple(self._worker(reader, replace(snapshot, now=now), state, holder) for state in at_work)

    def _worker(self, reader: SnapshotReader, snapshot: Snapshot, state: ItemState, holder: Holder | None) -> Worker:
        condition, sign = liveness(reader, snapshot, state, holder)
        tail = self._tails.get((state.id, state.history.run))
        history = state.history
        return Worker(state.id, history.run, condition, sign, history.since, tail.lines() if tail else ())
