"""The review request: all that is put before the people who judge one delivery."""

from collections.abc import Mapping
from dataclasses import dataclass

from factory.line.gate import guarded, seats_needed
from factory.line.review import Matter, matter_of
from factory.line.survey import Case, Survey, Surveyor
from factory.model.contract import Contract, Seat
from factory.model.evidence import Evidence
from factory.model.journal import Entry
from factory.model.lifecycle import Event
from factory.model.policy import Policy
from factory.model.result import Result
from factory.model.verdict import MachineVerdict
from factory.store.artifacts import run_folder
from factory.store.repository.comparison import FileChange, compared


@dataclass(frozen=True)
class Request:
    """What is put before the people who judge one delivery."""

    matter: Matter
    contract: Contract
    policy: Policy
    evidence: Evidence
    changes: tuple[FileChange, ...]
    result: Result | None  # what the worker says
    said: Mapping[str, MachineVerdict]  # by machine seat
    earlier: tuple[Entry, ...]  # the journal before this delivery

    @property
    def folder(self) -> str:
        """Where everything lies."""
        return run_folder(self.matter.item_id, self.matter.run)

    def seats(self) -> tuple[Seat, ...]:
        """Every seat of this review, the one that a protected path asks for included."""
        paths = tuple(path for change in self.changes for path in (change.path, change.old_path) if path)
        return seats_needed(self.contract, paths, guarded(self.policy, self.evidence))


def request_of(surveyor: Surveyor, survey: Survey, case: Case, evidence: Evidence, subject: str = "") -> Request:
    """The request for an item in review, from what is committed of its delivery."""
    assert case.contract is not None
    folder = survey.tree, case.id, case.history.run
    entries = case.history.entries
    delivered = max((n for n, entry in enumerate(entries) if entry.event is Event.DELIVER), default=len(entries))
    return Request(
        matter=matter_of(case, subject),
        contract=case.contract,
        policy=survey.policy,
        evidence=evidence,
        changes=compared(surveyor.repository, evidence.base, evidence.proposal),
        result=surveyor.artifacts.result(*folder),
        said=surveyor.artifacts.verdicts(*folder),
        earlier=entries[:delivered],
    )
