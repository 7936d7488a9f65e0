"""Collect: what each ended run came to, as one move with its artifacts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial, reduce

from factory.execution.outcome import RunOutcome, SeatResult
from factory.execution.request import RunRequest
from factory.execution.run_files import run_files
from factory.line.collect.handover import handed_over
from factory.line.collect.late import keep_late
from factory.line.context import Context
from factory.line.dispatch.agents import others_left
from factory.line.dispatch.breakers import breaker_after_run, breaker_after_verdict, breaker_files
from factory.line.dispatch.retry import backoff, reset_of
from factory.line.intake.answers_file import answers_file
from factory.line.review.review_request import human_seats, requested, with_plan
from factory.line.review.rounds import closed_by_change, rounds_used_up
from factory.line.review.verdict_file import verdict_file
from factory.line.snapshot import ItemState, Snapshot
from factory.line.writer import Move
from factory.model.breaker import BreakerState
from factory.model.contract import SeatKind
from factory.model.events import Blocked, BreakerChanged, Delivered, Payload, Released, RunSummary, SentBack
from factory.model.failure import Cost, Failure, FailureClass
from factory.model.journal import MOST_LIMITS, History, SeatVerdict
from factory.model.layout import answers_path, verdict_path
from factory.model.result import Result, Status
from factory.model.run_layout import RESULT, worker_file
from factory.model.text import counted
from factory.model.verdict import Finding
from factory.store.artifacts import with_manifest
from factory.store.repository.refs import NOTHING, RefUpdate
from factory.store.repository.repository import branch_of

_STOPPED = "the run was stopped"
_NOT_RENEWED = "its lease could not be renewed"


@dataclass(frozen=True)
class EndedRun:
    """An ended run, and the item it was for as it is now."""

    state: ItemState
    request: RunRequest
    outcome: RunOutcome
    ran_out: bool = False  # whether it was stopped because its lease could not be renewed

    @property
    def edited(self) -> bool:
        """Whether the item's text changed while the run worked on what it said before."""
        lease = self.state.history.lease
        return lease is not None and lease.item != self.state.placed.blob

    @property
    def summary(self) -> RunSummary:
        """Whose it was, what it has cost, and how it went."""
        lease = self.state.history.lease
        return replace(self.outcome.summary(), owner=lease.owner if lease else None)

    def without_claims(self) -> "EndedRun":
        """The same with what it did and printed alone: nobody has held against its request what it came to."""
        work = replace(self.outcome.work, result=None, raw_result=None, files={}, findings=())
        return replace(self, outcome=RunOutcome(work, phases=self.outcome.phases))

    def move(self, payload: Payload) -> Move:
        """A move with everything that the run left."""
        work = self.outcome.work
        made_here = [RESULT] if work.raw_result is None else []
        if made_here and self.request.tests and work.claims_success:  # a tester's is never made up: a service failed
            made_here += map(worker_file, work.files)
        return Move(payload, with_manifest(run_files(self.outcome), made_here))

    def block(self, reason: str, failure: FailureClass | None = None, attempt: int | None = None) -> Move:
        """A move to blocked, where a person has to look."""
        return self.move(Blocked(reason=reason or None, failure=failure, attempt=attempt, summary=self.summary))

    def release(self, failure: Failure, attempt: int | None = None, not_before: datetime | None = None) -> Move:
        """A move back to where it came from, to be tried again; without an attempt it has cost nothing."""
        return self.move(
            Released(
                to=self.state.came_from,
                reason=failure.reason,
                failure=failure.kind,
                attempt=attempt,
                not_before=not_before,
                summary=self.summary,
            )
        )

    def send_back(self, reason: str, findings: tuple[Finding, ...], failure: FailureClass | None = None) -> Move:
        """A move that uses up a round: to rework, or to blocked when it was the last one."""
        used_up = rounds_used_up(self.state, self.request.contract, reason)
        if used_up:
            return self.move(Blocked(reason=used_up, failure=failure, findings=findings, summary=self.summary))
        # What was proposed, even on a claim that does not hold, is what the next round begins with.
        proposal = self.outcome.proposal or None
        sent_back = SentBack(reason=reason, failure=failure, findings=findings, proposal=proposal, summary=self.summary)
        return self.move(sent_back)


def collect(context: Context, snapshot: Snapshot) -> list[str]:
    """Commit what every run that has ended came to; the items of all that are over.

    The moves that people made must be in the snapshot.
    """
    done: list[str] = []
    known = context.reader.artifacts.ids(snapshot.tree)  # whose journals are there, readable or not
    for running, outcome in context.runs.ended_runs():
        item_id = running.request.item_id
        state = snapshot.items.get(item_id)
        history = state.history if state else snapshot.lost.get(item_id, History())
        if state.unread if state else item_id not in snapshot.lost and item_id in known:
            continue  # kept until a person has mended the journal, or taken one of two files away
        if not running.is_of(history, context.owner):
            keep_late(context, snapshot, running.request, outcome)
            done.append(item_id)  # it is over for the journal too
        elif state is not None and state.recorded:
            with context.isolating(state):
                outcome = handed_over(context.repository, running.request, outcome, made_here=context.runs.made_here)
                moved, breakers = _settle(
                    context, snapshot, EndedRun(state, running.request, outcome, running.hold.ran_out)
                )
                snapshot = reduce(Snapshot.with_breaker, breakers, snapshot.after(moved))
                done.append(item_id)
    for item_id in done:
        context.writer.once_published(partial(context.runs.forget, item_id))
    context.writer.once_published(lambda: context.repository.under_check.let_go(done))
    context.writer.publish()
    return done


def _settle(context: Context, snapshot: Snapshot, ended: EndedRun) -> tuple[ItemState, list[BreakerState]]:
    """Move the item to where its run takes it, and with it the breakers of who worked and judged, if they change."""
    failure = _failure(ended.outcome) or _unjudged(snapshot, ended)
    if ended.edited or ended.outcome.stopped:
        reason = "its text changed while it ran" if ended.edited else _STOPPED
        reason = f"{_STOPPED}: {_NOT_RENEWED}" if ended.ran_out else reason
        released = Released(to=ended.state.came_from, reason=reason, summary=ended.summary)
        return context.writer.move(ended.state, ended.without_claims().move(released)), []
    move = _after_failure(context, snapshot, ended, failure) if failure else _after_result(context, snapshot, ended)
    breakers = list(_breakers(snapshot, ended))
    for breaker in breakers:
        context.writer.note(BreakerChanged(breaker.of, str(breaker.state)))
    move = replace(move, queue_files={**move.queue_files, **breaker_files(*breakers)})
    return context.writer.move(ended.state, move), breakers


def _breakers(snapshot: Snapshot, ended: EndedRun) -> Iterator[BreakerState]:
    """The breakers that a run has changed: of who worked, and of the agents that judged or could not."""
    request, seats = ended.request, ended.outcome.seats
    worked = breaker_after_run(snapshot, ended.state, request.agent, _failure(ended.outcome))
    met = {name: failure for seat in seats for name, failure in seat.walls.items()}
    said = {seat.reviewer for seat in seats if not seat.verdict.lost}
    asked = {name for names in request.judges.values() for name in names if name != request.agent}
    judged = (
        breaker_after_verdict(snapshot, ended.state, name, met.get(name))
        for name in sorted(asked)
        if name in met or f"{name} ({SeatKind.AGENT})" in said
    )
    yield from filter(None, (worked, *judged))


def _unjudged(snapshot: Snapshot, ended: EndedRun) -> Failure | None:
    """The limit at which an agent could not judge, where nobody else could in its seat; None where there is none."""
    if ended.state.history.limits >= MOST_LIMITS:
        return None
    lost = (seat for seat in ended.outcome.seats if seat.verdict.lost)
    met = ((seat.seat, failure) for seat in lost for failure in seat.walls.values())
    said = (each._replace(reason=f"the seat {seat} could not judge: {each.reason}") for seat, each in met)
    return next((each for each in said if reset_of(each, snapshot.now)), None)


def _failure(outcome: RunOutcome) -> Failure | None:
    """What went wrong, as the factory or the worker itself says."""
    result = outcome.work.result
    if outcome.failure is not None or result is None:
        return outcome.failure
    if result.status is Status.FAILED:
        kind = result.failure or FailureClass.CRASH
        return Failure(kind, result.summary or "the worker says that it failed", result.resets_at)
    if result.status is Status.REFUSED:
        return Failure(FailureClass.REFUSAL, result.summary or result.question or "the worker refused")
    return None


def _after_failure(context: Context, snapshot: Snapshot, ended: EndedRun, failure: Failure) -> Move:
    """An attempt, a round or a person's time is used up; nothing, where another agent goes on or a limit is reset."""
    others = others_left(ended.state, snapshot.policy, ended.request.agent)
    if failure.kind.is_wall and others:
        return ended.release(failure)
    match failure.kind.cost:
        case Cost.PERSON:
            return ended.block(f"{failure.reason}; {failure.kind.advice}", failure.kind)
        case Cost.ROUND if ended.request.item.reverts:  # the factory would only make the same again
            by_hand = f"undo it by hand, or factory cancel {ended.state.id}"
            return ended.block(f"{failure.reason}; {by_hand}", failure.kind)
        case Cost.ROUND:
            findings = ended.outcome.findings or (Finding(id="R1", severity="major", text=failure.reason),)
            _show_proposal(context, ended)
            return ended.send_back(failure.reason, findings, failure.kind)
    reset = reset_of(failure, snapshot.now)
    if reset is not None and ended.state.history.limits < MOST_LIMITS:
        its_own = _failure(ended.outcome) is not None  # else it waits for its judge, which the schedule knows
        return ended.release(failure, not_before=reset if its_own and not others else None)
    attempts = ended.state.history.attempts + 1
    if attempts >= ended.request.contract.retry.max_attempts:
        reason = f"{counted(attempts, 'attempt')} used up; the last: {failure.reason}"
        return ended.block(reason, failure.kind, attempts)
    not_before = snapshot.now + backoff(attempts, snapshot.policy, context.system.chance())
    return ended.release(failure, attempts, max(not_before, reset or not_before))


def _after_result(context: Context, snapshot: Snapshot, ended: EndedRun) -> Move:
    """The worker is content; whether the contract is."""
    result, contract = ended.outcome.work.result, ended.request.contract
    assert result is not None
    if result.status is Status.BLOCKED:
        return _asking(ended, result)
    if contract.doubts(result.confidence):
        known = "not known" if result.confidence is None else f"{result.confidence:g}"
        reason = f"the worker's confidence is {known}; the contract asks for {contract.confidence:g}"
        if contract.on_uncertainty == "refuse":
            return ended.send_back(reason, (Finding(id="U1", severity="major", text=reason),))
        return ended.block(reason)
    return _delivery(context, snapshot, ended)


def _asking(ended: EndedRun, result: Result) -> Move:
    """To blocked: what the worker asks is put before a person, unless it has asked often enough."""
    state, questions, most = ended.state, result.asks, ended.request.contract.limits.question_rounds
    said = questions[0].text if questions else result.summary or "the worker is blocked and does not say why"
    if questions and state.history.question_rounds >= most:
        return ended.block(f"its worker asks again, after {counted(most, 'round')} of questions: {said}")
    reason = f"{said} (and {len(questions) - 1} more)" if len(questions) > 1 else said
    move = ended.move(Blocked(reason=reason, questions=questions, summary=ended.summary))
    if not questions:
        return move
    opened = answers_file(state.id, state.item.title if state.item else "", ended.request.run, questions)
    return replace(move, queue_files={answers_path(state.id): opened})


def _delivery(context: Context, snapshot: Snapshot, ended: EndedRun) -> Move:
    """To review: the proposal on the item's branch, the evidence beside it, a verdict file for each human seat."""
    state, request, outcome = ended.state, ended.request, ended.outcome
    evidence, result = outcome.evidence, outcome.work.result
    assert evidence is not None and state.item is not None  # else its text has changed
    closed = closed_by_change(context, snapshot, state, outcome.proposal)
    _show_proposal(context, ended)
    clashes, lands = _merged_in_memory(context, snapshot, ended)
    delivered = Delivered(
        subject=outcome.subject,
        verdicts=tuple(_seat_verdict(said) for said in outcome.seats),
        proposal=outcome.proposal,
        findings=evidence.findings(),
        loose_ends=result.handoff.loose_ends() if result else {},
        conflicts_with=clashes,
        closed=closed,
        summary=ended.summary,
    )
    move = ended.move(delivered)
    if not lands or not evidence.passed:
        return move
    seats = human_seats(context.repository, snapshot.policy, request.contract, evidence)
    if not seats:
        return move
    then = replace(context.writer.moved(state, move, context.system.now()), contract=request.contract)
    said = {said.seat: said.signed() for said in outcome.seats}
    review_request = requested(context.repository, snapshot.policy, then, evidence, result, said)
    review_request = with_plan(context.reader, snapshot, review_request)
    files = {verdict_path(state.id, seat): verdict_file(review_request, seat) for seat in seats}
    return replace(move, queue_files=files)


def _merged_in_memory(
    context: Context, snapshot: Snapshot, ended: EndedRun
) -> tuple[Mapping[str, tuple[str, ...]], bool]:
    """(what it conflicts with of those in review, whether it merges with the target as it is now)."""
    repository, evidence = context.repository, ended.outcome.evidence
    assert evidence is not None
    if not ended.request.contract.merges or evidence.proposal == evidence.base or evidence.conflicts:
        return {}, not evidence.conflicts
    target = context.writer.tip_of(snapshot.policy.target_branch)
    if context.conflicts.paths_in_target(repository, evidence.proposal, target):
        return {}, False
    return context.conflicts.with_earlier(context.reader, snapshot, ended.state.id, evidence.proposal), True


def _seat_verdict(said: SeatResult) -> SeatVerdict:
    verdict = said.verdict
    return SeatVerdict(seat=said.seat, decision=verdict.decision, reviewer=said.reviewer, lost=verdict.lost)


def _show_proposal(context: Context, ended: EndedRun) -> None:
    """The item's branch shows its proposal, if there is one."""
    branch = branch_of(ended.state.id)
    if ended.outcome.proposal:
        context.writer.also(RefUpdate(branch, context.writer.head_of(branch) or NOTHING, ended.outcome.proposal))
