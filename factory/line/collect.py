"""Collect: what each ended run came to, as one move with its artifacts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

from factory.line.floor import Floor
from factory.line.gate import seats_needed
from factory.line.ledger import Move
from factory.line.review import Matter, blank
from factory.line.survey import Case, Survey
from factory.model.base import digest
from factory.model.contract import SeatKind
from factory.model.evidence import Evidence
from factory.model.failure import Cost, Failure, FailureClass
from factory.model.lifecycle import Event, Lane
from factory.model.policy import Policy
from factory.model.result import Status
from factory.model.subject import subject_of
from factory.model.verdict import Finding
from factory.store import files
from factory.store.artifacts import left_by_worker, with_manifest
from factory.store.queue import verdict_path
from factory.store.repository.commits import NOTHING, RefUpdate
from factory.store.repository.repository import branch_of
from factory.work.run import Order, Outcome

_LOG_KEPT = 256 * 1024
_JITTER = Random()


@dataclass(frozen=True)
class Ended:
    """An ended run, and the item it was for as it is now."""

    case: Case
    order: Order
    outcome: Outcome

    @property
    def edited(self) -> bool:
        """Whether the item's text changed while the run worked on what it said before."""
        lease = self.case.history.lease
        return lease is not None and lease.item != self.case.placed.blob

    def move(self, event: Event, to: Lane, reason: str, **details: object) -> Move:
        """A move that carries the run's cost and everything it left."""
        outcome = self.outcome
        usage = {"seconds": round(outcome.seconds, 3), "usage": outcome.result.usage if outcome.result else None}
        return Move(event, to, {**usage, "reason": reason or None, **details}, with_manifest(run_files(outcome)))

    def block(self, reason: str, failure: FailureClass | None = None, **details: object) -> Move:
        """To a person."""
        return self.move(Event.BLOCK, Lane.BLOCKED, reason, failure=failure, **details)

    def send_back(self, reason: str, findings: tuple[Finding, ...], failure: FailureClass | None = None) -> Move:
        """A round is used up: to rework, or to a person when it was the last."""
        rounds = self.order.contract.rework.max_rounds
        if self.case.history.rounds_spent + 1 >= rounds:
            return self.block(f"{rounds} rounds used up; the last: {reason}", failure, findings=findings)
        return self.move(Event.REWORK, Lane.REWORK, reason, failure=failure, findings=findings)


def collect(floor: Floor, survey: Survey) -> None:
    """Commit the outcome of every run that has ended."""
    done: list[str] = []
    for running, outcome in floor.crew.ended():
        case = survey.cases.get(running.order.item_id)
        if case is not None and case.lane is Lane.ACTIVE and case.history.run == running.order.run:
            survey.cases[case.id] = _settle(floor, survey, Ended(case, running.order, outcome))
        done.append(running.order.item_id)
    floor.ledger.publish()
    for item_id in done:
        floor.crew.forget(item_id)


def _settle(floor: Floor, survey: Survey, ended: Ended) -> Case:
    """Move the item to where its run takes it."""
    failure = _failure(ended.outcome)
    if ended.edited or ended.outcome.stopped:
        reason = "its text changed while it ran" if ended.edited else "the run was stopped"
        move = Move(Event.RELEASE, ended.case.came_from, {"reason": reason, "seconds": round(ended.outcome.seconds, 3)})
    elif failure is not None:
        move = _after_failure(ended, failure, survey)
    else:
        move = _after_result(floor, survey, ended)
    return floor.ledger.move(ended.case, move)


def _failure(outcome: Outcome) -> Failure | None:
    """What went wrong, as the factory or the worker itself says."""
    result = outcome.result
    if outcome.failure is not None or result is None:
        return outcome.failure
    if result.status is Status.FAILED:
        return Failure(FailureClass.CRASH, result.summary or "the worker says that it failed")
    if result.status is Status.REFUSED:
        return Failure(FailureClass.REFUSAL, result.summary or result.question or "the worker refused")
    return None


def _after_failure(ended: Ended, failure: Failure, survey: Survey) -> Move:
    """An attempt, a round or a person's time is used up."""
    match failure.kind.cost:
        case Cost.PERSON:
            return ended.block(failure.reason, failure.kind)
        case Cost.ROUND:
            findings = ended.outcome.findings or (Finding(id="R1", severity="major", text=failure.reason),)
            return ended.send_back(failure.reason, findings, failure.kind)
    attempts = ended.case.history.attempts + 1
    if attempts >= ended.order.contract.retry.max_attempts:
        reason = f"{attempts} attempts used up; the last: {failure.reason}"
        return ended.block(reason, failure.kind, attempt=attempts)
    not_before = survey.now + backoff(attempts, survey.policy, _JITTER.random())
    return ended.move(
        Event.RELEASE,
        ended.case.came_from,
        failure.reason,
        failure=failure.kind,
        attempt=attempts,
        not_before=not_before,
    )


def backoff(attempts: int, policy: Policy, chance: float) -> timedelta:
    """How long to wait after so many transient failures: doubled each time, capped, and up to a tenth longer by chance.

    `chance` lies between 0 and 1.
    """
    doubled = policy.retry.initial_ms * 2 ** (attempts - 1)
    return timedelta(milliseconds=min(doubled, policy.agent.max_retry_backoff_ms) * (1 + chance / 10))


def _after_result(floor: Floor, survey: Survey, ended: Ended) -> Move:
    """The worker is content; whether the contract is."""
    result, contract = ended.outcome.result, ended.order.contract
    assert result is not None
    if result.status is Status.BLOCKED:
        return ended.block(result.question or result.summary or "the worker is blocked and does not say why")
    if result.confidence < contract.confidence:
        reason = f"the worker's confidence is {result.confidence:g}; the contract asks for {contract.confidence:g}"
        if contract.on_uncertainty == "refuse":
            return ended.send_back(reason, (Finding(id="U1", severity="major", text=reason),))
        return ended.block(reason)
    return _delivery(floor, survey, ended)


def _delivery(floor: Floor, survey: Survey, ended: Ended) -> Move:
    """To review: the proposal on the item's branch, the evidence beside it, a verdict file for each human seat."""
    case, order, outcome = ended.case, ended.order, ended.outcome
    assert outcome.evidence is not None and case.contract_name is not None and case.item is not None
    contract = floor.surveyor.library.contract_bytes(survey.tree, case.contract_name) or b""
    left = left_by_worker(run_files(outcome))
    subject = subject_of(case.item, contract, survey.policy.governing(), outcome.patch, left)
    matter = Matter(case.id, case.item, order.run, order.round, subject, order.contract.worker.name)
    branch = branch_of(case.id)
    floor.ledger.also(RefUpdate(branch, floor.repository.head(branch) or NOTHING, outcome.proposal))
    move = ended.move(
        Event.DELIVER,
        Lane.REVIEW,
        "",
        subject=subject,
        proposal=outcome.proposal,
        findings=outcome.evidence.findings(),
    )
    return replace(move, opened=_opened(survey, ended, outcome.evidence, matter))


def _opened(survey: Survey, ended: Ended, evidence: Evidence, matter: Matter) -> Mapping[str, bytes]:
    """The verdict files of the human seats; none when the checks have already said no."""
    if not evidence.passed:
        return {}
    changed = tuple(change.path for change in ended.outcome.changes)
    seats = seats_needed(ended.order.contract, changed, survey.policy.protected)
    humans = [seat for seat in seats if seat.kind is SeatKind.HUMAN]
    return {verdict_path(matter.item_id, seat.name): blank(matter, evidence, changed) for seat in humans}


def run_files(outcome: Outcome) -> dict[str, bytes]:
    """What a run leaves in its folder, by name."""
    written: dict[str, bytes] = {"output.log": cut(outcome.log), "patch.diff": outcome.patch}
    if outcome.prompt:
        written["prompt.md"] = outcome.prompt.encode()
    if outcome.raw_result is not None:
        written["result.json"] = outcome.raw_result
    elif outcome.result is not None:
        written["result.json"] = files.as_json(outcome.result.model_dump(mode="json"))
    if outcome.evidence is not None:
        written["evidence.json"] = evidence_file(outcome.evidence)
    written |= {name: cut(log) for name, log in outcome.logs.items()}
    return written | {f"files/{name}": data for name, data in outcome.files.items()}


def evidence_file(evidence: Evidence) -> bytes:
    """evidence.json, for people and programs to read."""
    return files.as_json(evidence.model_dump(mode="json"))


def cut(log: bytes) -> bytes:
    """A log short enough to be committed: its beginning and its end."""
    if len(log) <= _LOG_KEPT:
        return log
    half = _LOG_KEPT // 2
    note = f"\n[{len(log) - 2 * half} bytes cut here; the whole is {digest(log)}]\n"
    return log[:half] + note.encode() + log[-half:]
