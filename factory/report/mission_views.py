"""Missions: each as people ask about it, whether it is planned, under way or at its end."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from factory.line.mission.guards import Guarded, looked_again
from factory.line.mission.standing import standing_of
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import InvalidFile
from factory.model.journal import History
from factory.model.layout import MISSIONS, item_path, lane_folder, stem
from factory.model.lifecycle import Event, Lane, Outcome
from factory.model.mission.assertions import Assertion, AssertionState, Judgement
from factory.model.mission.plan import Milestone
from factory.model.mission.record import Filed
from factory.model.mission.standing import Standing
from factory.model.moments import rfc3339
from factory.report.assertion_evidence import evidence_of
from factory.report.mission_progress import Progress
from factory.report.status import status
from factory.report.status_row import Row
from factory.store.mission_parts import Part, Spent, part_of, parts_of
from factory.store.missions import MissionFiles, read_mission


@dataclass(frozen=True)
class MissionView:
    """One mission."""

    id: str
    title: str
    lane: Lane
    word: str  # its state as long as it is open, then how it ended
    since: datetime | None
    note: str
    day: str  # under which it lies once it is at its end
    history: History
    standing: Standing | None  # None where it has no plan that can be read
    parts: Mapping[str, Part]  # its items, by id
    guards: Mapping[str, Part] = field(default_factory=dict)  # the items that its guards have filed since its end

    @property
    def milestone(self) -> Milestone | None:
        """The one whose turn it is; None once it is at its end, whatever has changed since."""
        return self.standing.milestone if self.standing and not self.day else None

    @property
    def progress(self) -> Progress | None:
        """How far it is; None where it has no plan that can be read."""
        spent = Spent.of([self.history, *(part.history for part in self.parts.values())])
        return Progress.of(self.standing, spent, self.history.outcome) if self.standing else None

    def as_json(self) -> dict[str, object]:
        """The mission for programs."""
        return {
            "id": self.id,
            "title": self.title,
            "lane": str(self.lane),
            "state": self.word,
            "since": rfc3339(self.since) if self.since else None,
            "note": self.note,
            "goal": self.standing.plan.goal if self.standing else None,
            "progress": self.progress.as_json() if self.progress else None,
        }


@dataclass(frozen=True)
class AssertionRow:
    """One assertion, and what was found of it last."""

    assertion: Assertion
    state: AssertionState
    judgement: Judgement | None
    evidence: tuple[str, ...] = ()  # the files that show it, by path


def missions(reader: SnapshotReader, snapshot: Snapshot, *, ended: bool) -> Iterator[MissionView]:
    """The missions that are open, in the order of the status; with `ended` the others too, the newest day first."""
    yield from open_missions(reader, snapshot, status(reader, snapshot).rows)
    days = reader.repository.objects.folder(snapshot.tree, lane_folder(Lane.DONE)) if ended else {}
    for day in sorted((name for name, entry in days.items() if entry.is_folder), reverse=True):
        for name in reader.repository.objects.folder(snapshot.tree, lane_folder(Lane.DONE, day)):
            with suppress(InvalidFile):  # the audit tells of it
                found = _ended(reader, snapshot, stem(name), day) if stem(name) else None
                if found is not None:
                    yield found
    yield from _archived(reader, snapshot) if ended else ()


def open_missions(reader: SnapshotReader, snapshot: Snapshot, rows: Iterable[Row]) -> Iterator[MissionView]:
    """Those among the rows of a status, in their order."""
    for row in rows:
        state = snapshot.items.get(row.id)
        if state and (state.history.mission.filed or (state.contract and state.contract.produces.plan)):
            yield open_mission(reader, snapshot, row)


def _archived(reader: SnapshotReader, snapshot: Snapshot) -> Iterator[MissionView]:
    """Those that are archived and whose plan is still there, the newest day first."""
    target = reader.repository.objects.commit(_target(reader, snapshot))
    planned = reader.repository.objects.folder(target.tree, MISSIONS)
    found = [each for mission in planned if (each := reader.queue.archived(snapshot.tree, mission)) is not None]
    for each in sorted(found, key=lambda each: each.day, reverse=True):
        with suppress(InvalidFile):  # the audit tells of it
            view = _ended(reader, snapshot, each.id, each.day)
            if view is not None:
                yield view


def mission_of(reader: SnapshotReader, snapshot: Snapshot, mission: str) -> MissionView | None:
    """One mission; None when no mission has this id. Raises InvalidFile for one whose journal cannot be read."""
    if mission in snapshot.items:
        return next((each for each in missions(reader, snapshot, ended=False) if each.id == mission), None)
    day = reader.queue.done_day(snapshot.tree, mission)
    return _ended(reader, snapshot, mission, day) if day else None


def assertion_rows(reader: SnapshotReader, snapshot: Snapshot, view: MissionView) -> list[AssertionRow]:
    """Every assertion of a mission; none before it has a plan."""
    rows: list[AssertionRow] = []
    for assertion in view.standing.assertions if view.standing else ():
        judgement = view.history.mission.judged.get(assertion.id)
        found: tuple[str, ...] = ()
        if judgement is not None:
            day = reader.artifacts.done_day(snapshot.tree, judgement.item) or ""
            found = tuple(evidence_of(reader, snapshot.tree, assertion.id, judgement.item, judgement.run, day))
        state = view.standing.state_of(assertion.id) if view.standing else AssertionState.UNREAD
        rows.append(AssertionRow(assertion, state, judgement, found))
    return rows


def open_issues(view: MissionView) -> dict[str, str]:
    """What has to be answered before a milestone is over, by id: its text."""
    standing = view.standing
    milestones = standing.plan.milestones if standing else ()
    return {key: issue.text for each in milestones if standing for key, issue in standing.unanswered(each).items()}


def purpose(filed: Filed) -> str:
    """What an item of a mission is for, in a word."""
    return str(filed.kind)


def word_of(snapshot: Snapshot, part: Part) -> str:
    """Where an item of a mission lies, or how it ended."""
    state = snapshot.items.get(part.id)
    return str(part.history.outcome or Lane.DONE) if part.day else str(state.lane) if state else "gone"


def open_mission(reader: SnapshotReader, snapshot: Snapshot, row: Row) -> MissionView:
    """A mission that is open at the snapshot's commit; the row says in which state it is."""
    history = snapshot.items[row.id].history
    return MissionView(
        id=row.id,
        title=row.title,
        lane=row.lane,
        word=row.state,
        since=row.since,
        note=row.note,
        day="",
        history=history,
        standing=_standing(reader, snapshot, row.id, history),
        parts=parts_of(reader.artifacts, snapshot.tree, history),
    )


def _ended(reader: SnapshotReader, snapshot: Snapshot, mission: str, day: str) -> MissionView | None:
    path = item_path(Lane.DONE, mission, day)
    history = reader.artifacts.history(snapshot.tree, mission, day)
    entry = reader.archive.find(snapshot.tree, path)
    if entry is None or not any(each.event is Event.OPEN for each in history.entries):
        return None
    item = reader.queue.item(path, entry.oid)
    parts = parts_of(reader.artifacts, snapshot.tree, history)
    files, guarded = _files(reader, snapshot, mission, history), Guarded()
    if files is not None and history.outcome is Outcome.APPLIED:
        guarded = looked_again(reader, snapshot.tree, mission, files)
        record = replace(history.mission, judged={**history.mission.judged, **guarded.judged})
        history = replace(history, mission=record)
    return MissionView(
        id=mission,
        title=item.title,
        lane=Lane.DONE,
        word=str(history.outcome or Outcome.CANCELLED),
        since=history.since,
        note=history.reason.partition("\n")[0],
        day=day,
        history=history,
        standing=_standing(reader, snapshot, mission, history),
        parts=parts,
        guards={key: part_of(reader.artifacts, snapshot.tree, key, filed) for key, filed in guarded.filed.items()},
    )


def _standing(reader: SnapshotReader, snapshot: Snapshot, mission: str, history: History) -> Standing | None:
    """Where it stands by its plan as the target has it now; by the proposal of one that is not merged yet."""
    files = _files(reader, snapshot, mission, history)
    return standing_of(reader, snapshot.tree, mission, files, history, _target(reader, snapshot)) if files else None


def _target(reader: SnapshotReader, snapshot: Snapshot) -> str:
    """The target's commit when the branch was at the snapshot's, as far as its own commits say when they came."""
    repository, target = reader.repository, snapshot.policy.target_branch
    head = repository.head(target)
    if target == reader.branch or head is None:
        return snapshot.head
    if snapshot.head == repository.head(reader.branch):
        return head
    until = repository.objects.commit(snapshot.head).committed_at
    return repository.git.text("rev-list", "-1", "--first-parent", f"--before={until}", head) or head


def _files(reader: SnapshotReader, snapshot: Snapshot, mission: str, history: History) -> MissionFiles | None:
    """What its files say there; None where they cannot be read."""
    objects, target = reader.repository.objects, _target(reader, snapshot)
    planned = any(each.event is Event.OPEN for each in history.entries)
    proposed = history.proposal if not planned and objects.read(history.proposal) else ""
    files = snapshot.missions.get(mission)
    with suppress(InvalidFile):
        return files or read_mission(objects, objects.commit(proposed or target).tree, mission)
    return None
