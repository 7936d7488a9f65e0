"""Collect: what each ended run came to, as one move with its artifacts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

from factory.line.breaker import settled
from factory.line.floor import Floor
from factory.line.ledger import Move
from factory.line.record import run_files
from factory.line.request import Request
from factory.line.review import Matter
from factory.line.rounds import closed_by_change
from factory.line.survey import Case, Survey
from factory.line.verdict_file import verdict_file
from factory.model.base import counted
from factory.model.contract import SeatKind
from factory.model.failure import Cost, Failure, FailureClass
from factory.model.journal import SeatVerdict
from factory.model.lifecycle import Event, Lane
from factory.model.policy import Policy
from factory.model.result import Status, Usage
from factory.model.verdict import Finding
from factory.store.artifacts import RESULT, with_manifest
from factory.store.queue import verdict_path
from factory.store.repository.comparison import compared
from factory.store.repository.refs import NOTHING, RefUpdate
from factory.store.repository.repository import branch_of
from factory.work.order import Order
from factory.work.reviewer import Said
from factory.work.run import Run

_JITTER = Random()


@dataclass(frozen=True)
class Finished:
    """An ended run, and the item it was for as it is now."""

    case: Case
    order: Order
    run: Run

    @property
    def edited(self) -> bool:
        """Whether the item's text changed while the run worked on what it said before."""
        lease = self.case.history.lease
        return lease is not None and lease.item != self.case.placed.blob

    def move(self, event: Event, to: Lane, reason: str, **details: object) -> Move:
        """A move that carries the run's cost and everything it left."""
        run = self.run
        usage = run.cost()
        cost = {"seconds": round(run.seconds, 3), "usage": usage if usage != Usage() else None}
        told = {"reason": reason or None, "sandbox": run.sandbox or None}
        made_here = () if run.raw_result is not None else (RESULT,)
        return Move(event, to, {**cost, **told, **details}, with_manifest(run_files(run), made_here))

    def block(self, reason: str, failure: FailureClass | None = None, **details: object) -> Move:
        """To a person."""
        return self.move(Event.BLOCK, Lane.BLOCKED, reason, failure=failure, **details)

    def send_back(self, reason: str, findings: tuple[Finding, ...], failure: FailureClass | None = None) -> Move:
        """A round is used up: to rework, or to a person when it was the last."""
        rounds = self.order.contract.rework.max_rounds
        if self.case.history.rounds_spent + 1 >= rounds:
            return self.block(f"{counted(rounds, 'round')} used up; the last: {reason}", failure, findings=findings)
        # What was proposed, even on a claim that does not hold, is what the next round begins with.
        proposal = self.run.proposal or None
        return self.move(Event.REWORK, Lane.REWORK, reason, failure=failure, findings=findings, proposal=proposal)


def collect(floor: Floor, survey: Survey) -> None:
    """Commit what every run that has ended came to."""
    done: list[str] = []
    for running, run in floor.crew.ended():
        case = survey.cases.get(running.order.item_id)
        if case is not None and case.unread:
            continue  # kept until a person has mended the journal
        if case is not None and case.lane is Lane.ACTIVE and case.history.run == running.order.run:
            with floor.sparing_others(case):
                run = _whole(floor, run)
                survey.cases[case.id] = _settle(floor, survey, Finished(case, running.order, run))
                done.append(running.order.item_id)
        else:
            done.append(running.order.item_id)
    floor.ledger.publish()
    for item_id in done:
        floor.crew.forget(item_id)
    floor.repository.under_check.let_go(done)


def _whole(floor: Floor, run: Run) -> Run:
    """The run; as a crash when git has thrown its proposal away before anything pointed to it."""
    if not run.proposal or floor.repository.objects.holds(run.proposal):
        return run
    reason = f"its proposal {run.proposal[:10]} is gone from the repository (git gc --prune=now, or git prune?)"
    return replace(run, proposal="", failure=Failure(FailureClass.CRASH, reason))


def _settle(floor: Floor, survey: Survey, finished: Finished) -> Case:
    """Move the item to where its run takes it, and its contract's breaker with it."""
    failure = _failure(finished.run)
    if finished.edited or finished.run.stopped:
        reason = "its text changed while it ran" if finished.edited else "the run was stopped"
        move = finished.move(Event.RELEASE, finished.case.came_from, reason)
        return floor.ledger.move(finished.case, replace(move, files={}))
    move = _after_failure(floor, survey, finished, failure) if failure else _after_result(floor, survey, finished)
    noted = settled(survey, finished.case, failure)
    if noted:
        floor.tell("", f"the breaker of the contract {finished.case.contract_name} is now {_state(survey, finished)}")
    return floor.ledger.move(finished.case, replace(move, opened={**move.opened, **noted}))


def _state(survey: Survey, finished: Finished) -> str:
    return str(survey.breakers[finished.case.contract_name or ""].state)


def _failure(run: Run) -> Failure | None:
    """What went wrong, as the factory or the worker itself says."""
    result = run.result
    if run.failure is not None or result is None:
        return run.failure
    if result.status is Status.FAILED:
        kind = result.failure or FailureClass.CRASH
        return Failure(kind, result.summary or "the worker says that it failed")
    if result.status is Status.REFUSED:
        return Failure(FailureClass.REFUSAL, result.summary or result.question or "the worker refused")
    return None


def _after_failure(floor: Floor, survey: Survey, finished: Finished, failure: Failure) -> Move:
    """An attempt, a round or a person's time is used up."""
    match failure.kind.cost:
        case Cost.PERSON:
            return finished.block(f"{failure.reason}; {failure.kind.advice}", failure.kind)
        case Cost.ROUND if finished.order.item.reverts:  # the factory would only make the same again
            by_hand = f"undo it by hand, or factory cancel {finished.case.id}"
            return finished.block(f"{failure.reason}; {by_hand}", failure.kind)
        case Cost.ROUND:
            findings = finished.run.findings or (Finding(id="R1", severity="major", text=failure.reason),)
            _show_proposal(floor, finished)
            return finished.send_back(failure.reason, findings, failure.kind)
    attempts = finished.case.history.attempts + 1
    if attempts >= finished.order.contract.retry.max_attempts:
        reason = f"{counted(attempts, 'attempt')} used up; the last: {failure.reason}"
        return finished.block(reason, failure.kind, attempt=attempts)
    not_before = survey.now + backoff(attempts, survey.policy, _JITTER.random())
    return finished.move(
        Event.RELEASE,
        finished.case.came_from,
        failure.reason,
        failure=failure.kind,
        attempt=attempts,
        not_before=not_before,
    )


def backoff(attempts: int, policy: Policy, chance: float) -> timedelta:
    """How long to wait after so many transient failures: doubled each time, capped, and up to a tenth longer by chance.

    `chance` lies between 0 and 1.
    """
    doubled = policy.retry.initial_ms * 2 ** min(attempts - 1, 40)
    return timedelta(milliseconds=min(doubled, policy.agent.max_retry_backoff_ms) * (1 + chance / 10))


def _after_result(floor: Floor, survey: Survey, finished: Finished) -> Move:
    """The worker is content; whether the contract is."""
    result, contract = finished.run.result, finished.order.contract
    assert result is not None
    if result.status is Status.BLOCKED:
        return finished.block(result.question or result.summary or "the worker is blocked and does not say why")
    if result.confidence < contract.confidence:
        reason = f"the worker's confidence is {result.confidence:g}; the contract asks for {contract.confidence:g}"
        if contract.on_uncertainty == "refuse":
            return finished.send_back(reason, (Finding(id="U1", severity="major", text=reason),))
        return finished.block(reason)
    return _delivery(floor, survey, finished)


def _delivery(floor: Floor, survey: Survey, finished: Finished) -> Move:
    """To review: the proposal on the item's branch, the evidence beside it, a verdict file for each human seat."""
    case, order, run = finished.case, finished.order, finished.run
    assert run.evidence is not None and case.contract_name is not None and case.item is not None
    loose_ends = run.result.handoff.loose_ends() if run.result else {}
    worker = order.worker
    closed = closed_by_change(floor, survey, case, run.proposal)
    table = case.history.table.close(closed)
    matter = Matter(case.id, case.item, order.run, order.round, run.subject, worker, loose_ends, table)
    _show_proposal(floor, finished)
    move = finished.move(
        Event.DELIVER,
        Lane.REVIEW,
        "",
        subject=run.subject,
        verdicts=tuple(_seat_verdict(said) for said in run.said),
        proposal=run.proposal,
        findings=run.evidence.findings(),
        loose_ends=loose_ends,
        closed=closed,
    )
    request = Request(
        matter=matter,
        contract=order.contract,
        policy=survey.policy,
        evidence=run.evidence,
        changes=compared(floor.repository, run.evidence.base, run.proposal),
        result=run.result,
        said={said.seat: said.signed() for said in run.said},
        earlier=case.history.entries,
    )
    return replace(move, opened=_opened(request))


def _seat_verdict(said: Said) -> SeatVerdict:
    verdict = said.verdict
    return SeatVerdict(seat=said.seat, decision=verdict.decision, reviewer=said.reviewer, lost=verdict.lost)


def _show_proposal(floor: Floor, finished: Finished) -> None:
    """The item's branch shows its proposal, if there is one."""
    branch = branch_of(finished.case.id)
    if finished.run.proposal:
        floor.ledger.also(RefUpdate(branch, floor.repository.head(branch) or NOTHING, finished.run.proposal))


def _opened(request: Request) -> Mapping[str, bytes]:
    """The verdict files of the human seats; none when the checks have already said no."""
    if not request.evidence.passed:
        return {}
    humans = [seat.name for seat in request.seats() if seat.kind is SeatKind.HUMAN]
    return {verdict_path(request.matter.item_id, seat): verdict_file(request, seat) for seat in humans}
