"""Ruling: what the gate says of every item in review, carried out."""

from factory.line.floor import Floor
from factory.line.gate import guarded, seats_needed
from factory.line.judge import Judged, judge
from factory.line.ledger import Move
from factory.line.record import recheck_files
from factory.line.request import request_of
from factory.line.rounds import closed_by_seat, repeated, with_late_ones_marked
from factory.line.survey import Case, Survey
from factory.line.verdict_file import verdict_file
from factory.model.base import counted
from factory.model.contract import SeatKind
from factory.model.errors import Problem
from factory.model.failure import FailureClass
from factory.model.lifecycle import Event, Lane, NotApplied, Outcome
from factory.model.verdict import SUBJECT_CHANGED
from factory.store.queue import verdict_path


def gate(floor: Floor, survey: Survey) -> tuple[list[Judged], list[Problem]]:
    """Rule on every item in review. Those that may be applied, and what is wrong with verdict files."""
    approved: list[Judged] = []
    problems: list[Problem] = []
    for case in survey.in_lane(Lane.REVIEW):
        judged = judge(floor.surveyor, survey, case, floor.crew.newer_evidence(case.id, case.history.proposal))
        if isinstance(judged, str):
            continue
        problems.extend(judged.problems)
        with floor.sparing_others(case):
            if judged.ruling.event is Event.FINISH:
                approved.append(judged)
            elif judged.ruling.event is not None:
                survey.cases[case.id] = _carry_out(floor, survey, judged)
            else:
                _open_missing(floor, survey, judged)
        floor.ledger.publish_when_due()
    floor.ledger.publish()
    return approved, problems


def _carry_out(floor: Floor, survey: Survey, judged: Judged) -> Case:
    case, ruling = judged.case, judged.ruling
    assert case.contract is not None
    findings = with_late_ones_marked(floor, survey, case, ruling.findings)
    details: dict[str, object] = {"reason": ruling.reason, "verdicts": ruling.verdicts, "findings": findings}
    details["closed"] = closed_by_seat(case, ruling)
    files = recheck_files(floor.crew.taken(case.id, case.history.proposal))
    if judged.evidence.conflicts:
        details["failure"] = FailureClass.CONFLICT
    details["not_applied"] = _not_applied(judged, rechecked=bool(files))
    verdicts = survey.snapshot.verdicts
    if ruling.event is Event.REJECT:
        details["outcome"] = Outcome.REJECTED
        return floor.ledger.move(case, Move(Event.REJECT, Lane.DONE, details), verdicts)
    rounds = case.contract.rework.max_rounds
    again = repeated(case, findings)
    if ruling.event is Event.REWORK and again:
        details["reason"] = f"the same finding twice in a row ({again[0].id}: {again[0].text}); {ruling.reason}"
    elif ruling.event is Event.REWORK and case.history.rounds_spent + 1 >= rounds:
        details["reason"] = f"{counted(rounds, 'round')} used up; the last: {ruling.reason}"
    elif ruling.event is Event.REWORK:
        return floor.ledger.move(case, Move(Event.REWORK, Lane.REWORK, details, files), verdicts)
    return floor.ledger.move(case, Move(Event.BLOCK, Lane.BLOCKED, details, files), verdicts)


def _not_applied(judged: Judged, *, rechecked: bool) -> NotApplied | None:
    """Why what had been judged already is not applied; None when it was never approved."""
    if any(finding.id == SUBJECT_CHANGED for finding in judged.ruling.findings):
        return NotApplied.SUBJECT_CHANGED
    if not rechecked or judged.evidence.passed:
        return None
    return NotApplied.CONFLICT if judged.evidence.conflicts else NotApplied.CHECK_FAILED


def _open_missing(floor: Floor, survey: Survey, judged: Judged) -> None:
    """A verdict file for each human seat that has none: the item was moved here by hand, or the file was deleted."""
    case = judged.case
    assert case.item is not None and case.contract is not None
    changed = floor.repository.changed(judged.evidence.base, judged.evidence.proposal)
    there = {file.seat for file in survey.snapshot.verdicts if file.item_id == case.id}
    seats = seats_needed(case.contract, changed, guarded(survey.policy, judged.evidence))
    open_seats = [seat.name for seat in seats if seat.kind is SeatKind.HUMAN and seat.name not in there]
    if open_seats:
        request = request_of(floor.surveyor, survey, case, judged.evidence, judged.subject)
        missing = {verdict_path(case.id, seat): verdict_file(request, seat) for seat in open_seats}
        floor.ledger.take_in(floor.me, missing, f"factory: {case.id} waits for a verdict again")
