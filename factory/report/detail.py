"""Detail: everything about one item, open or done."""

from collections.abc import Mapping
from dataclasses import dataclass

from factory.line.review.plan_told import plan_lines
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.costs import cost_in_words
from factory.model.errors import FactoryError, InvalidFile, MachineError
from factory.model.evidence import Evidence
from factory.model.item import Item
from factory.model.journal import History
from factory.model.layout import artifact_folder, item_path, plan_path, run_file, run_folder
from factory.model.lifecycle import Lane, NotApplied
from factory.model.run_layout import RECHECK, REPORT
from factory.report.failed_hooks import FailedHook, hooks_of
from factory.report.marks.mark import Mark
from factory.report.status import status
from factory.report.status_row import Row
from factory.store.repository.comparison import FileChange, compared


@dataclass(frozen=True)
class Detail:
    """One item."""

    id: str
    title: str
    lane: Lane
    path: str
    contract: str | None
    note: str
    artifacts: str
    history: History
    evidence: Evidence | None
    base: str
    cost: str  # in words
    not_applied: NotApplied | None = None
    changes: tuple[FileChange, ...] = ()
    hooks: tuple[FailedHook, ...] = ()  # of its newest run
    progress: Mapping[str, object] | None = None  # of a mission under way
    report: str = ""  # where that of a mission lies that is at its end
    plan: tuple[str, ...] = ()  # of a mission, in lines
    archived: str = ""  # the last commit that had its files, once they are in the tree no more
    marks: tuple[Mark, ...] = ()  # in which way it only pretends to move

    @property
    def applied(self) -> str | None:
        """The commit that brought it in."""
        return self.history.entries[-1].applied if self.history.entries else None

    def as_json(self) -> dict[str, object]:
        """The item for programs."""
        return {
            "id": self.id,
            "title": self.title,
            "lane": str(self.lane),
            "path": self.path,
            "contract": self.contract,
            "note": self.note,
            "not_applied": self.not_applied,
            "marks": [mark.as_json() for mark in self.marks],
            "earlier": self.history.table.rows(),
            "loose_ends": dict(self.history.loose_ends),
            "questions": [each.model_dump(mode="json") for each in self.history.questions],
            "artifacts": self.artifacts,
            "archived": self.archived or None,
            "run": self.history.run,
            "cost": self.cost,
            "usage": self.history.usage.model_dump(mode="json"),
            "round": self.history.round,
            "outcome": self.history.outcome,
            "subject": self.history.subject or None,
            "proposal": self.history.proposal or None,
            "applied": self.applied,
            "changes": [{**change.__dict__} for change in self.changes],
            "findings": [finding.model_dump(mode="json") for finding in self.history.findings],
            "evidence": self.evidence.model_dump(mode="json") if self.evidence else None,
            "plan": list(self.plan),
            "progress": self.progress,
            "report": self.report or None,
            "failed_hooks": [{"name": hook.name, "how": hook.how, "log": hook.printed} for hook in self.hooks],
            "journal": journal(self.history),
        }


def journal(history: History) -> list[dict[str, object]]:
    """A journal's entries for programs."""
    return [entry.model_dump(mode="json", by_alias=True, exclude_defaults=True) for entry in history.entries]


def detail(reader: SnapshotReader, snapshot: Snapshot, item_id: str) -> Detail | None:
    """Everything about one item; None when there is none."""
    state = snapshot.items.get(item_id)
    if state is None:
        return _done(reader, snapshot, item_id)
    row = next(row for row in status(reader, snapshot).rows if row.id == item_id)
    return _of(reader, snapshot, state, row)


def _done(reader: SnapshotReader, snapshot: Snapshot, item_id: str) -> Detail | None:
    day = reader.queue.done_day(snapshot.tree, item_id)
    if day is None:
        return None
    path = item_path(Lane.DONE, item_id, day)
    entry = reader.archive.find(snapshot.tree, path)
    assert entry is not None
    item = reader.queue.item(path, entry.oid)
    history = reader.artifacts.history(snapshot.tree, item_id, day)
    evidence = _evidence(reader, snapshot, item_id, history, day)
    report = run_file(item_id, history.run, REPORT, day)
    archived = reader.queue.archived(snapshot.tree, item_id)
    return Detail(
        id=item_id,
        title=item.title,
        lane=Lane.DONE,
        path=path,
        contract=snapshot.policy.contract_of(item),
        note=history.reason.splitlines()[0] if history.reason else "",
        artifacts=artifact_folder(item_id, day),
        history=history,
        evidence=evidence,
        base=evidence.base if evidence else "",
        cost=cost_in_words(history, snapshot.policy.agents),
        changes=_changes(reader, evidence),
        hooks=hooks_of(reader, snapshot, item_id, history.run, day),
        report=report if reader.archive.find(snapshot.tree, report) else "",
        plan=_plan(reader, snapshot, item_id, item),
        archived=archived.commit if archived else "",
    )


def _of(reader: SnapshotReader, snapshot: Snapshot, state: ItemState, row: Row) -> Detail:
    evidence = _evidence(reader, snapshot, state.id, state.history)
    return Detail(
        id=state.id,
        title=state.item.title if state.item else "",
        lane=state.lane,
        path=state.placed.path,
        contract=state.contract_name,
        note=row.note,
        not_applied=row.not_applied,
        artifacts=f"{run_folder(state.id, state.history.run)}/",
        history=state.history,
        evidence=evidence,
        base=evidence.base if evidence else "",
        cost=cost_in_words(state.history, snapshot.policy.agents),
        changes=_changes(reader, evidence),
        hooks=hooks_of(reader, snapshot, state.id, state.history.run),
        progress=row.progress,
        marks=row.marks,
        plan=_plan(reader, snapshot, state.id, state.item, evidence if state.lane is Lane.REVIEW else None),
    )


def _plan(
    reader: SnapshotReader, snapshot: Snapshot, item_id: str, item: Item | None, proposed: Evidence | None = None
) -> tuple[str, ...]:
    """The plan of a mission that is proposed, or that the target holds; no lines where there is none."""
    repository = reader.repository
    commit = proposed.proposal if proposed else repository.head(snapshot.policy.target_branch)
    try:
        contract = snapshot.policy.contract_of(item) if item else None
        found = reader.library.contract(snapshot.tree, contract) if contract else None
        if found is None or not found.produces.plan or commit is None:
            return ()
        tree = repository.content_at(commit)
        there = repository.objects.find(tree, plan_path(item_id)) is not None
        return plan_lines(reader, snapshot, item_id, item, tree, proposed) if there else ()
    except (InvalidFile, MachineError):
        return ()  # the note says what is wrong with it, or this clone does not hold the proposal


def _evidence(
    reader: SnapshotReader, snapshot: Snapshot, item_id: str, history: History, day: str = ""
) -> Evidence | None:
    """What the checks said last, with what was looked at on the delivery alone."""
    try:
        first = reader.artifacts.evidence(snapshot.tree, item_id, history.run, day)
        last = reader.artifacts.evidence(snapshot.tree, item_id, history.run, day, RECHECK)
        if first is None or last is None:
            return first
        known = {ran.name for ran in last.ran}
        return last.model_copy(update={"ran": (*last.ran, *(ran for ran in first.ran if ran.name not in known))})
    except InvalidFile:
        return None  # the note says what is wrong with it


def _changes(reader: SnapshotReader, evidence: Evidence | None) -> tuple[FileChange, ...]:
    """What the proposal changes; nothing when this clone does not hold it."""
    if evidence is None:
        return ()
    try:
        return compared(reader.repository, evidence.base, evidence.proposal)
    except FactoryError:
        return ()
