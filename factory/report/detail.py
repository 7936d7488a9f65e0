"""Detail: everything about one item, open or done."""

from dataclasses import dataclass

from factory.line.survey import Case, Survey, Surveyor
from factory.model.errors import InvalidFile
from factory.model.evidence import Evidence
from factory.model.journal import History
from factory.model.lifecycle import Lane, NotApplied
from factory.report.row import Row
from factory.report.status import status
from factory.store.artifacts import folder_of
from factory.store.queue import lane_path


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
    not_applied: NotApplied | None = None

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
            "earlier": self.history.table.rows(),
            "loose_ends": dict(self.history.loose_ends),
            "artifacts": self.artifacts,
            "run": self.history.run,
            "round": self.history.round,
            "outcome": self.history.outcome,
            "subject": self.history.subject or None,
            "proposal": self.history.proposal or None,
            "findings": [finding.model_dump(mode="json") for finding in self.history.findings],
            "evidence": self.evidence.model_dump(mode="json") if self.evidence else None,
            "journal": journal(self.history),
        }


def journal(history: History) -> list[dict[str, object]]:
    """A journal's entries for programs."""
    return [entry.model_dump(mode="json", by_alias=True, exclude_defaults=True) for entry in history.entries]


def detail(surveyor: Surveyor, survey: Survey, item_id: str) -> Detail | None:
    """Everything about one item; None when there is none."""
    case = survey.cases.get(item_id)
    if case is None:
        return _done(surveyor, survey, item_id)
    row = next(row for row in status(surveyor, survey).rows if row.id == item_id)
    return _of(surveyor, survey, case, row, folder_of(item_id))


def _done(surveyor: Surveyor, survey: Survey, item_id: str) -> Detail | None:
    day = surveyor.queue.done_day(survey.tree, item_id)
    if day is None:
        return None
    path = lane_path(Lane.DONE, item_id, day)
    entry = surveyor.repository.objects.find(survey.tree, path)
    assert entry is not None
    item = surveyor.queue.item(path, entry.oid)
    history = surveyor.artifacts.history(survey.tree, item_id, day)
    folder = folder_of(item_id, Lane.DONE, day)
    reason = history.reason.splitlines()[0] if history.reason else ""
    contract = survey.policy.contract_of(item)
    return Detail(item_id, item.title, Lane.DONE, path, contract, reason, folder, history, None, "")


def _of(surveyor: Surveyor, survey: Survey, case: Case, row: Row, folder: str) -> Detail:
    try:
        evidence = surveyor.artifacts.evidence(survey.tree, case.id, case.history.run)
    except InvalidFile:
        evidence = None  # the note says what is wrong with it
    return Detail(
        id=case.id,
        title=case.item.title if case.item else "",
        lane=case.lane,
        path=case.placed.path,
        contract=case.contract_name,
        note=row.note,
        not_applied=row.not_applied,
        artifacts=f"{folder}/run-{case.history.run}/",
        history=case.history,
        evidence=evidence,
        base=evidence.base if evidence else "",
    )
