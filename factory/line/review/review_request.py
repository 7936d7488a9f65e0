"""The review request: all that is put before the people who judge one delivery."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from factory.line.review.plan_told import plan_lines
from factory.line.review.votes import Delivery, delivery_of
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.contract import Contract, Seat, SeatKind
from factory.model.evidence import Evidence
from factory.model.gate import seats_of
from factory.model.journal import Entry
from factory.model.layout import run_folder
from factory.model.lifecycle import Event
from factory.model.policy import Policy
from factory.model.result import Result
from factory.model.verdict import MachineVerdict
from factory.store.repository.comparison import FileChange, compared
from factory.store.repository.repository import Repository


@dataclass(frozen=True)
class ReviewRequest:
    """One delivery, with all that its reviewers see of it and answer to."""

    delivery: Delivery
    contract: Contract
    policy: Policy
    evidence: Evidence
    changes: tuple[FileChange, ...]
    result: Result | None  # what the worker says
    said: Mapping[str, MachineVerdict]  # by machine seat
    earlier: tuple[Entry, ...]  # the journal before this delivery
    conflicts_with: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by item that came before
    plan: tuple[str, ...] = ()  # of the mission that is proposed, in lines

    @property
    def folder(self) -> str:
        """The folder of the run that is reviewed."""
        return run_folder(self.delivery.item_id, self.delivery.run)

    def seats(self) -> tuple[Seat, ...]:
        """Every seat of this review, the one that a protected path asks for included."""
        paths = tuple(path for change in self.changes for path in (change.path, change.old_path) if path)
        return seats_of(self.contract, self.policy, self.evidence, paths)


def review_request_of(
    reader: SnapshotReader, snapshot: Snapshot, state: ItemState, evidence: Evidence, subject: str = ""
) -> ReviewRequest:
    """The request for an item in review, from what is committed of its delivery."""
    folder = snapshot.tree, state.id, state.history.run
    result, said = reader.artifacts.result(*folder), reader.artifacts.verdicts(*folder)
    found = requested(reader.repository, snapshot.policy, state, evidence, result, said, subject)
    return with_plan(reader, snapshot, found)


def with_plan(reader: SnapshotReader, snapshot: Snapshot, review_request: ReviewRequest) -> ReviewRequest:
    """The request with the plan that it proposes, if it proposes one."""
    if not review_request.contract.produces.plan or review_request.delivery.item.reverts:
        return review_request
    delivery, evidence = review_request.delivery, review_request.evidence
    proposed = reader.repository.content_at(evidence.proposal)
    lines = plan_lines(reader, snapshot, delivery.item_id, delivery.item, proposed, evidence)
    return replace(review_request, plan=lines)


def human_seats(repository: Repository, policy: Policy, contract: Contract, evidence: Evidence) -> list[str]:
    """The seats of people that a delivery needs: each answers in a verdict file of its own."""
    changed = repository.changed(evidence.base, evidence.proposal)
    return [seat.name for seat in seats_of(contract, policy, evidence, changed) if seat.kind is SeatKind.HUMAN]


def requested(
    repository: Repository,
    policy: Policy,
    state: ItemState,
    evidence: Evidence,
    result: Result | None,
    said: Mapping[str, MachineVerdict],
    subject: str = "",
) -> ReviewRequest:
    """The request for an item as it is in review, with its worker's result and what each machine seat said."""
    assert state.contract is not None
    entries = state.history.entries
    delivered = max((n for n, entry in enumerate(entries) if entry.event is Event.DELIVER), default=len(entries))
    return ReviewRequest(
        delivery=delivery_of(state, subject),
        contract=state.contract,
        policy=policy,
        evidence=evidence,
        changes=compared(repository, evidence.base, evidence.proposal),
        result=result,
        said=said,
        earlier=entries[:delivered],
        conflicts_with=state.history.conflicts_with,
    )
