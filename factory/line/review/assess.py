"""Assessment: an item in review, its evidence and its verdicts put before the gate. A look: it moves nothing."""

from dataclasses import dataclass, field, replace

from factory.execution.checks.evidence import Gathered
from factory.line.review.conflicts import Conflicts
from factory.line.review.proposals import is_of_this_task, restore_proposal
from factory.line.review.votes import Delivery, delivery_of, machine_vote, read_vote, reviewers_of
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.contract import Seat, SeatKind
from factory.model.errors import InvalidFile, MachineError, Problem
from factory.model.evidence import Evidence
from factory.model.gate import GateDecision, Vote, conclude, decide, for_people, guarded, seats_needed, touches
from factory.model.layout import run_file
from factory.model.lifecycle import Event
from factory.model.run_layout import PATCH, kept_verdict
from factory.model.subject import subject_of
from factory.model.verdict import SUBJECT_CHANGED, Finding, Verdict
from factory.store import yaml
from factory.store.artifacts import left_by_worker
from factory.store.queue import VerdictFile
from factory.store.repository.objects import FILE, Person, TreeEntry


@dataclass(frozen=True)
class Assessment:
    """An item in review, and the gate's decision."""

    state: ItemState
    decision: GateDecision
    evidence: Evidence
    subject: str
    problems: tuple[Problem, ...] = ()
    approvals: tuple[Verdict, ...] = ()  # of people
    recheck: Gathered | None = None  # what it rests on, when that is newer than the delivery
    unread: bool = False  # whether that was found before all had given their verdicts

    @property
    def plans(self) -> bool:
        """Whether it is the plan of a mission."""
        return self.state.contract is not None and self.state.contract.produces.plan

    @property
    def rides(self) -> bool:
        """Whether it changes the target, so that it is merged by the merge train once it is approved."""
        contract = self.state.contract
        return contract is not None and contract.merges and self.evidence.proposal != self.evidence.base


def assess(
    reader: SnapshotReader, snapshot: Snapshot, state: ItemState, recheck: Gathered | None = None
) -> Assessment | str:
    """The decision on one item, or why there can be none. Changes nothing but what this clone holds of its proposal."""
    if state.item is None or state.contract is None:
        return state.problem
    try:
        return _judge(reader, snapshot, state, recheck)
    except InvalidFile as error:
        return str(error.problems[0])
    except MachineError as error:
        return error.message


def assess_now(
    reader: SnapshotReader,
    snapshot: Snapshot,
    state: ItemState,
    target: str | None,
    conflicts: Conflicts,
    recheck: Gathered | None = None,
) -> Assessment | str:
    """The same on a target's newest commit: nobody goes on judging what does not merge with it any more."""
    assessment = assess(reader, snapshot, state, recheck)
    if isinstance(assessment, str) or assessment.decision.event not in (None, Event.FINISH) or not assessment.rides:
        return assessment
    if state.item is None or state.item.hold:
        return assessment
    conflict = conflicts.with_target(reader.repository, state, target) if target else None
    if conflict is None:
        return assessment
    found = assess(reader, snapshot, state, conflict)
    return found if isinstance(found, str) else replace(found, unread=assessment.decision.event is None)


def _judge(reader: SnapshotReader, snapshot: Snapshot, state: ItemState, recheck: Gathered | None) -> Assessment | str:
    assert state.contract is not None
    evidence = recheck.evidence if recheck else reader.artifacts.evidence(snapshot.tree, state.id, state.history.run)
    if evidence is None or not state.history.subject:
        return "there is no proposal to judge; move it to queue/inbox or queue/rework"
    subject = present_subject(reader, snapshot, state)
    if subject != state.history.subject:
        reason = "what was judged has changed: the item, its contract or the policy is another one than at delivery"
        finding = Finding(id=SUBJECT_CHANGED, severity="major", text=_told_worker(reader, state))
        return Assessment(state, GateDecision(Event.REWORK, reason, (finding,)), evidence, subject)
    restore_proposal(reader, snapshot, state, state.history.proposal)
    changed = for_people(reader.repository.changed(evidence.base, evidence.proposal), evidence)
    patterns = guarded(snapshot.policy, evidence)
    seats = seats_needed(state.contract, changed, patterns)
    needs_person = touches(changed, patterns)
    votes = _votes(reader, snapshot, state, seats, subject)
    if state.item is not None and state.item.validates and evidence.proposal == evidence.base:  # it changes nothing
        decision = conclude(state.item.validates, seats, evidence, tuple(votes.votes), votes.lost)
    else:
        decision = decide(state.contract, seats, evidence, tuple(votes.votes), needs_person, votes.lost)
    people = {seat.name for seat in seats if seat.kind is SeatKind.HUMAN}
    approvals = tuple(vote.verdict for vote in votes.votes if vote.seat in people)
    return Assessment(state, decision, evidence, subject, tuple(votes.problems), approvals, recheck)


def _told_worker(reader: SnapshotReader, state: ItemState) -> str:
    """What somebody can do about work that is to be judged by other words than it was made by."""
    if not is_of_this_task(reader, state):
        return "the item asks for something else since its last delivery: do what it says now"
    now = "the contract or the policy is another one since the last delivery, and nothing was wrong with the work"
    return f"{now}: it is judged again; leave it as it is where it still fits"


def present_subject(reader: SnapshotReader, snapshot: Snapshot, state: ItemState) -> str:
    """The subject as it is now."""
    assert state.item is not None
    run_files = reader.artifacts.run_files(snapshot.tree, state.id, state.history.run)
    return subject_of(
        state.item,
        reader.library.contract_bytes(snapshot.tree, state.contract_name or "") or b"",
        snapshot.policy.governing(),
        run_files.get(PATCH, b""),
        left_by_worker(run_files),
    )


@dataclass
class _Votes:
    """What the seats said of one item."""

    votes: list[Vote] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)  # with verdict files
    lost: dict[str, str] = field(default_factory=dict)  # why the verdict of a machine seat does not count


def _votes(
    reader: SnapshotReader, snapshot: Snapshot, state: ItemState, seats: tuple[Seat, ...], subject: str
) -> _Votes:
    delivery = delivery_of(state, subject)
    by_seat = {file.seat: file for file in snapshot.listing.verdicts if file.item_id == state.id}
    votes = _Votes()
    for seat in seats:
        file = by_seat.get(seat.name)
        if seat.by_machine:
            path = run_file(state.id, state.history.run, kept_verdict(seat.name))
            data = reader.repository.objects.file(snapshot.tree, path)
            said = machine_vote(seat.name, path, data, delivery) if data else "there is none"
            if isinstance(said, str):
                votes.lost[seat.name] = said
            else:
                votes.votes.append(said)
        elif seat.kind is SeatKind.HUMAN and file is not None:
            try:
                vote = _read(reader, snapshot, state, delivery, file)
            except InvalidFile as error:
                votes.problems.extend(error.problems)
            else:
                votes.votes.extend([vote] if vote else [])
    return votes


def _read(
    reader: SnapshotReader, snapshot: Snapshot, state: ItemState, delivery: Delivery, file: VerdictFile
) -> Vote | None:
    repository = reader.repository

    def author() -> Person:
        return repository.last_author(snapshot.head, file.path) or repository.user()

    reviewers = reviewers_of(file.seat, state.contract, snapshot.policy)
    data = repository.objects.regular(file.path, TreeEntry(FILE, file.blob), yaml.MAX_BYTES)
    return read_vote(file.seat, file.path, data, delivery, author, reviewers)
