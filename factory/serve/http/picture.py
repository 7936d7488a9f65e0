"""Pictures: the factory as it is at a moment, made anew only when there is something else to be seen."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType

from factory.execution.agents.workspaces import place_of
from factory.execution.cell.pool import Cells, cells_root
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import FactoryError, InvalidFile, InvalidPolicy, told_by
from factory.model.journal import History
from factory.model.moments import day_of
from factory.model.policy import Workflow
from factory.report.difference import difference
from factory.report.fold.fold import fold_of
from factory.report.metrics.metrics import metrics_of
from factory.report.metrics.prometheus import MOST_GROUPS, prometheus_text
from factory.report.signs import Sign, signs, with_signs
from factory.report.status import Status, status
from factory.serve.http.sight import Sight, look
from factory.store.library import locate_branch
from factory.store.repository.repository import Repository

_PATIENCE_S = 15.0  # the Symphony specification's
_FRESH_S = 0.05  # within which nobody looks again
_COUNTED_S = 60.0  # ages change with the clock, and a fold is not made for each reader


class NoPicture(FactoryError):
    """The factory cannot be looked at; `code` is one of the Symphony specification."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Picture:
    """What every view shows: one commit, and what runs on this machine show of themselves."""

    branch: str
    snapshot: Snapshot
    status: Status
    finished: tuple[History, ...]  # of the items that were finished today
    signs: Mapping[str, Sign]
    workspaces: Mapping[str, str]  # of the items that have one of their own
    number: int  # one more with each that shows something else
    moved: int  # the number of the first of the same commit and edits
    made: dict[str, bytes] = field(default_factory=dict, compare=False)  # what was rendered of it, by view


class Pictures:
    """Makes pictures; from any thread, but one at a time."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._system = repository.system
        self._lock = threading.Lock()
        self._reader = SnapshotReader(repository, locate_branch(repository))
        self._workflow: Workflow | None = None  # the last one that could be used
        self._seen: Sight | None = None
        self.last: Picture | None = None  # to be looked at from any thread
        self._looked = 0.0
        self._numbers = (0, 0), ""

    def now(self) -> Picture:
        """The newest picture. Raises NoPicture."""
        last = self.last
        if last is not None and self._system.monotonic() - self._looked < _FRESH_S:
            return last
        if not self._system.acquire(self._lock, _PATIENCE_S):
            raise NoPicture("snapshot_timeout", f"the state was not to be had within {_PATIENCE_S:g} s")
        try:
            return self._look()
        except (FactoryError, OSError) as error:
            raise NoPicture("snapshot_unavailable", told_by(error)) from None
        finally:
            self._lock.release()

    def stale(self) -> None:
        """Something was done: look again, however short ago that was done."""
        self._looked = 0.0

    def patch(self, item_id: str) -> str:
        """What an item's proposal changes. Raises FactoryError."""
        snapshot = self.now().snapshot
        with self._lock:
            return difference(self._reader, snapshot, item_id)

    def numbers(self) -> str:
        """What `factory metrics --prometheus` says; made anew once a minute, or when something has moved."""
        picture = self.now()
        with self._lock:
            asked = picture.moved, int(self._system.monotonic() // _COUNTED_S)
            if self._numbers[0] != asked:
                fold = fold_of(self._reader, picture.snapshot.head, int(self._system.now().timestamp()))
                self._numbers = asked, prometheus_text(metrics_of(self._reader, fold, most=MOST_GROUPS))
            return self._numbers[1]

    def close(self) -> None:
        """End the lasting processes."""
        with self._lock:
            self._repository.close()

    def _look(self) -> Picture:
        now, last = self._system.now(), self.last
        target = last.snapshot.policy.target_branch if last else self._reader.branch
        seen = look(self._repository, self._reader.branch, target)
        due = last is not None and last.status.until is not None and now >= last.status.until
        if last is None or due or not seen.same_queue(self._seen):
            last = self._made(seen)
        elif seen != self._seen:
            last = self._with_signs(replace(last.snapshot, now=now), last)
        self._seen, self.last, self._looked = seen, last, self._system.monotonic()
        return last

    def _made(self, seen: Sight) -> Picture:
        reader, number = self._reader, self.last.number + 1 if self.last else 1
        head = seen.head or self._repository.tip(reader.branch)
        snapshot = self._snapshot(head)
        cells = Cells(self._repository, cells_root(self._repository.common_dir, snapshot.policy.workspace.root))
        kept = snapshot.items if snapshot.policy.workspace.keep else ()
        return Picture(
            branch=reader.branch,
            snapshot=snapshot,
            status=status(reader, snapshot),
            finished=tuple(self._finished(snapshot)),
            signs=MappingProxyType(dict(signs(reader, snapshot))),
            workspaces=MappingProxyType({item_id: str(place_of(cells, item_id)) for item_id in kept}),
            number=number,
            moved=number,
        )

    def _snapshot(self, head: str) -> Snapshot:
        """Under the last policy that could be used, where the present one cannot be."""
        make = partial(self._reader.snapshot, self._system.now(), head)
        try:
            snapshot = make()
        except InvalidPolicy as error:
            if self._workflow is None:
                raise
            snapshot = make(self._workflow)
            return replace(snapshot, problems=(*error.problems, *snapshot.problems))
        self._workflow = snapshot.workflow
        return snapshot

    def _finished(self, snapshot: Snapshot) -> list[History]:
        day, found = day_of(snapshot.now), list[History]()
        for item_id in self._reader.artifacts.finished_on(snapshot.tree, day):
            try:
                found.append(self._reader.artifacts.history(snapshot.tree, item_id, day))
            except InvalidFile:
                continue  # `factory check` and the audit name it
        return found

    def _with_signs(self, snapshot: Snapshot, last: Picture) -> Picture:
        return replace(
            last,
            snapshot=snapshot,
            status=with_signs(self._reader, snapshot, last.status),
            signs=MappingProxyType(dict(signs(self._reader, snapshot))),
            number=last.number + 1,
            made={},
        )
