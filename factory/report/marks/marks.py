"""The marks of a whole queue: every kind of them, each item's in the order in which a person should read them."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from factory.line.dispatch.schedule import ScheduleEntry
from factory.line.review.votes import read_verdict
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import InvalidFile
from factory.model.journal import History
from factory.model.verdict import Decision
from factory.report.finished import newest
from factory.report.marks.bouncing import bouncing
from factory.report.marks.dependencies import Dependencies
from factory.report.marks.idle_runs import idle_run
from factory.report.marks.mark import Mark
from factory.report.marks.missions import mission_mark
from factory.report.marks.obstacle import Obstacle, breaker_marks, obstacle_of
from factory.report.marks.reviewers import Awaited, answers_in, awaited
from factory.store import yaml
from factory.store.queue import VerdictFile
from factory.store.repository.objects import FILE, TreeEntry

_MOST_FINISHED = 50  # items, of the newest days, from which it is known how long verdicts take


@dataclass(frozen=True)
class Marks:
    """What only pretends to move at one commit, as far as this machine sees it too."""

    of_items: Mapping[str, tuple[Mark, ...]]
    until: datetime | None = None  # when a mark comes that time alone brings


def marks(
    reader: SnapshotReader, snapshot: Snapshot, schedule: Mapping[str, ScheduleEntry], running: Collection[str]
) -> Marks:
    """The marks of the open items; `running` are those whose worker is at work on this machine."""
    found: dict[str, list[Mark]] = defaultdict(list)
    waits = list(_awaited(reader, snapshot))
    overdue = [each for each in waits if each.due < snapshot.now and _is_pending(reader, snapshot, each)]
    for item_id, mark in (*breaker_marks(schedule), *((each.item_id, each.mark()) for each in overdue)):
        found[item_id].append(mark)
    obstacles = {state.id: own for state in snapshot.items.values() if (own := obstacle_of(state))}
    for item_id, own_marks in found.items():
        obstacles.setdefault(item_id, _to_others(own_marks[0]))
    for item_id, mark in _in_vain(reader, snapshot, obstacles):
        found[item_id].insert(0, mark)
        obstacles.setdefault(item_id, _to_others(mark))
    for state in snapshot.items.values():
        local = idle_run(reader, snapshot, state) if state.id in running else None
        found[state.id] += filter(None, (mission_mark(state, obstacles), bouncing(state), local))
    of_items = {item_id: tuple(each) for item_id, each in found.items() if each}
    return Marks(of_items, min((each.due for each in waits if each.due >= snapshot.now), default=None))


def _to_others(mark: Mark) -> Obstacle:
    """What a mark of an item is to those that wait for it."""
    return Obstacle(mark.kind, f"does not move: {mark.reason}", mark.do)


def _in_vain(
    reader: SnapshotReader, snapshot: Snapshot, obstacles: Mapping[str, Obstacle]
) -> Iterator[tuple[str, Mark]]:
    dependencies = Dependencies(
        snapshot.items,
        dict(obstacles),
        lambda item_id: reader.outcome_of(snapshot.tree, item_id),
        lambda item_id: reader.queue.archived(snapshot.tree, item_id) is not None,
    )
    for item_id in snapshot.items:
        mark = dependencies.mark(item_id)
        if mark is not None:
            yield item_id, mark


def _awaited(reader: SnapshotReader, snapshot: Snapshot) -> Iterator[Awaited]:
    """The verdicts of people that are put before them, as far as it is known how long these take."""
    if not snapshot.listing.verdicts:
        return
    answers = [answer for history in _histories(reader, snapshot) for answer in answers_in(history)]
    for file in snapshot.listing.verdicts:
        state = snapshot.items.get(file.item_id)
        if state is not None and state.lane is file.home and answers:
            yield from awaited(state, (file.seat,), snapshot.policy, answers)


def _histories(reader: SnapshotReader, snapshot: Snapshot) -> Iterator[History]:
    """The open items' histories, and those of some that were finished last."""
    yield from (state.history for state in snapshot.items.values())
    for item_id, day in newest(reader, snapshot.tree, _MOST_FINISHED):
        try:
            yield reader.artifacts.history(snapshot.tree, item_id, day)
        except InvalidFile:
            continue  # the audit tells of it


def _is_pending(reader: SnapshotReader, snapshot: Snapshot, waits: Awaited) -> bool:
    """Whether nobody has decided anything in a verdict file."""
    file = next(each for each in snapshot.listing.verdicts if _is_of(each, waits))
    try:
        data = reader.repository.objects.regular(file.path, TreeEntry(FILE, file.blob), yaml.MAX_BYTES)
        return read_verdict(file.path, data).decision is Decision.PENDING
    except InvalidFile:
        return False  # somebody has begun; the status says what is wrong


def _is_of(file: VerdictFile, waits: Awaited) -> bool:
    return (file.item_id, file.seat) == (waits.item_id, waits.seat)
