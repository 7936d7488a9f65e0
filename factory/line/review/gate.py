"""The gate as a step: what `model/gate` decides of items in review is carried out. The act to the look in `assess`."""

from dataclasses import dataclass

from factory.execution.checks.evidence import Gathered
from factory.execution.run_files import rechecked_files
from factory.line.apply.places import Place
from factory.line.context import Context
from factory.line.review.assess import Assessment, assess_now
from factory.line.review.review_request import human_seats, review_request_of
from factory.line.review.rounds import (
    closed_by_seat,
    repeated,
    rounds_used_up,
    with_late_ones_marked,
    with_merged_ones_named,
)
from factory.line.review.verdict_file import verdict_file
from factory.line.snapshot import ItemState, Snapshot
from factory.line.writer import Move
from factory.model.errors import Problem
from factory.model.events import Blocked, Rejected, SentBack
from factory.model.failure import FailureClass
from factory.model.layout import verdict_path
from factory.model.lifecycle import Event, Lane, NotApplied
from factory.model.verdict import SUBJECT_CHANGED, Finding


@dataclass(frozen=True)
class Gated:
    """What the gate came to."""

    approved: list[Assessment]  # may be applied
    problems: list[Problem]  # with verdict files
    snapshot: Snapshot  # after what it moved


def gate(context: Context, snapshot: Snapshot) -> Gated:
    """Have every item in review decided on, and carry out what is not an approval."""
    approved: list[Assessment] = []
    problems: list[Problem] = []
    moved = False
    for state in snapshot.in_lane(Lane.REVIEW):
        if not state.recorded:
            continue  # a person moved it here just now: reconcile has the next word
        recheck = _rechecked_at_the_front(context, snapshot, state)
        target = context.writer.tip_of(snapshot.policy.target_branch)
        assessment = assess_now(context.reader, snapshot, state, target, context.conflicts, recheck)
        if isinstance(assessment, str):
            continue
        problems.extend(assessment.problems)
        with context.isolating(state):
            if assessment.decision.event is Event.FINISH:
                approved.append(assessment)
            elif assessment.decision.event is not None:
                moved = True
                snapshot = snapshot.after(_carry_out(context, snapshot, assessment))
            else:
                _open_missing(context, snapshot, assessment)
        context.writer.publish_when_due()
    if moved and not context.synced:  # whoever hears of it may answer before anything is applied
        context.writer.publish_at_once()
    context.writer.publish()
    return Gated(approved, problems, snapshot)


def _rechecked_at_the_front(context: Context, snapshot: Snapshot, state: ItemState) -> Gathered | None:
    """What the merge train's checks say of an item on the target as it is now."""
    before = context.repository.content_at(context.writer.tip_of(snapshot.policy.target_branch))
    found = context.runs.evidence_at(Place(state.id, state.history.subject, before))
    return found if isinstance(found, Gathered) else None


def _carry_out(context: Context, snapshot: Snapshot, assessment: Assessment) -> ItemState:
    """Move an item to where the gate sends it."""
    state = assessment.state
    findings = with_late_ones_marked(context, snapshot, state, assessment.decision.findings)
    if assessment.evidence.conflicts:
        findings = with_merged_ones_named(context, snapshot, state, findings)
    payload = _payload(assessment, findings, _not_applied(assessment))
    recheck = None if isinstance(payload, Rejected) else assessment.recheck
    files = rechecked_files(recheck) if recheck else {}
    return context.writer.move(state, Move(payload, files), snapshot.listing.verdicts)


def _payload(
    assessment: Assessment, findings: tuple[Finding, ...], not_applied: NotApplied | None
) -> Blocked | Rejected | SentBack:
    """What becomes of an item that is not approved: a person has it when the rounds or the answers are used up."""
    state, decision = assessment.state, assessment.decision
    assert state.contract is not None
    again, reason = repeated(state, findings), decision.reason
    kind: type[Blocked | Rejected | SentBack] = Blocked
    if decision.event is Event.REJECT:
        kind = Rejected
    elif decision.event is Event.REWORK and again:
        reason = f"the same finding twice in a row ({again[0].id}: {again[0].text}); {reason}"
    elif decision.event is Event.REWORK and (used_up := rounds_used_up(state, state.contract, reason)):
        reason = used_up
    elif decision.event is Event.REWORK:
        kind = SentBack
    return kind(
        reason=reason,
        verdicts=decision.verdicts,
        findings=findings,
        closed=closed_by_seat(state, decision),
        failure=FailureClass.CONFLICT if assessment.evidence.conflicts else None,
        not_applied=not_applied,
    )


def _not_applied(assessment: Assessment) -> NotApplied | None:
    """Why what had been approved so far is not applied; None when it was never approved."""
    if any(finding.id == SUBJECT_CHANGED for finding in assessment.decision.findings):
        return NotApplied.SUBJECT_CHANGED
    if assessment.recheck is None or assessment.evidence.passed or assessment.unread:
        return None
    return NotApplied.CONFLICT if assessment.evidence.conflicts else NotApplied.CHECK_FAILED


def _open_missing(context: Context, snapshot: Snapshot, assessment: Assessment) -> None:
    """A verdict file for each human seat that has none: the item was moved here by hand, or the file was deleted."""
    state = assessment.state
    assert state.item is not None and state.contract is not None
    there = {file.seat for file in snapshot.listing.verdicts if file.item_id == state.id}
    needed = human_seats(context.repository, snapshot.policy, state.contract, assessment.evidence)
    open_seats = [seat for seat in needed if seat not in there]
    if open_seats:
        review_request = review_request_of(context.reader, snapshot, state, assessment.evidence, assessment.subject)
        missing = {verdict_path(state.id, seat): verdict_file(review_request, seat) for seat in open_seats}
        context.writer.take_in(context.me, missing, f"factory: {state.id} waits for a verdict again")
