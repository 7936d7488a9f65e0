"""The pipeline: the story of one run, from its request to its outcome. It knows no queue."""

from contextlib import suppress
from dataclasses import replace

from factory.execution.agents.revert import revert
from factory.execution.agents.reviewer import review
from factory.execution.agents.worker import make, work
from factory.execution.cell.cell import CellNotReady
from factory.execution.control import Control
from factory.execution.host import Host
from factory.execution.mission.assertion_checks import held_to_plan
from factory.execution.outcome import Proof, RunOutcome, Work
from factory.execution.proposal import proposal_of
from factory.execution.request import RunRequest
from factory.execution.services.tester import try_out
from factory.model.errors import FactoryError
from factory.model.evidence import Ran
from factory.model.failure import Failure, FailureClass, of_error
from factory.model.result import Result, Status
from factory.model.text import counted
from factory.model.trace_context import WORKER
from factory.model.verdict import Finding
from factory.store import logs
from factory.store.repository.repository import Repository


def run(request: RunRequest, host: Host, control: Control) -> RunOutcome:
    """Work, inspect, prove, redact, review, redact again. A failure is a value; only a bug is an exception."""
    host.redactor.make_ready(request)  # while the worker works
    with control.phases.timed(WORKER):
        done = _done(request, host, control)
    done = host.redactor.inspect(request, done)
    proof = prove(request, done, host, control) if done.delivers else None
    outcome = host.redactor.redact(request, RunOutcome(done, proof))
    if outcome.evidence is not None and outcome.failure is None and not outcome.stopped:
        control.says("judging")
        outcome = host.redactor.redact_reviews(
            request, replace(outcome, reviews=review(request, outcome, host, control.unheard()))
        )
    _keep_logs(outcome, host)
    return replace(outcome, phases=control.phases.ended())


def _done(request: RunRequest, host: Host, control: Control) -> Work:
    if request.item.by_itself:
        return by_itself(request, host.repository)
    return work(request, host, control, try_out if request.tests else make)


def by_itself(request: RunRequest, repository: Repository) -> Work:
    """The worker's part of what the factory does itself: a revert, or the nothing that scrutiny changes."""
    if request.item.reverts:
        return revert(request, repository)
    return Work(tree=repository.content_at(request.base), result=Result(status=Status.OK, summary="Looked at."))


def prove(request: RunRequest, done: Work, host: Host, control: Control) -> Proof:
    """The worker's change as a commit, and the evidence for it."""
    proposal = request.base  # when it changed nothing
    try:
        if done.changes:
            proposal = take_over(request, done, host.repository)
        if done.still_wrong:
            return Proof(proposal, findings=done.still_wrong, failure=_not_put_right(done.still_wrong))
        target = host.repository.head(request.policy.target_branch) or request.base
        claims = done.result.handoff.commands if done.result else ()
        gathered = host.gatherer.gather(request, proposal, target, control, claims)
    except CellNotReady as error:
        return Proof(hooks=bytes(error.log), failure=error.failure, stopped=control.stop.is_set())
    except (FactoryError, OSError) as error:
        return Proof(failure=of_error(error, "the checks could not be run"))
    if control.stop.is_set():
        return Proof(stopped=True)
    proven = Proof(proposal, gathered.evidence, gathered.logs)
    broken = gathered.evidence.broken_claims()
    if not broken:
        return held_to_plan(proven, request, host.repository)
    said = "; ".join(f"`{' '.join(ran.run)}`: the worker says {ran.claimed}, here {_shown(ran)}" for ran in broken[:3])
    findings = tuple(ran.finding(number) for number, ran in enumerate(broken, 1))
    return replace(proven, findings=findings, failure=Failure(FailureClass.EVIDENCE, said))


def _not_put_right(findings: tuple[Finding, ...]) -> Failure:
    """Why a change goes back before its checks are run: the places alone, as what was printed is not looked at yet."""
    first = findings[0]
    where = f", the first in {first.path}" + (f":{first.line}" if first.line else "") if first.path else ""
    said = f"commands of worker.on_write fail on what was written: {counted(len(findings), 'finding')}{where}"
    return Failure(FailureClass.CONTRACT, said)


def take_over(request: RunRequest, done: Work, repository: Repository) -> str:
    """The commit that proposes a worker's change, made in this clone of the objects that the work brought."""
    for kind, data in done.brought.values():
        repository.objects.add(kind, data)
    proposal = proposal_of(request, done.tree, repository)
    repository.under_check.keep(request.item_id, proposal)
    return proposal


def _shown(ran: Ran) -> str:
    return ran.problem or str(ran.exit_code)


def _keep_logs(outcome: RunOutcome, host: Host) -> None:
    """The whole of long logs, for people; what the run came to does not hang on them."""
    checks = outcome.proof.logs.values() if outcome.proof else ()
    with suppress(OSError):
        for log in (
            outcome.work.log,
            outcome.hooks,
            *outcome.work.services.values(),
            *checks,
            *(each.log for each in outcome.seats),
        ):
            logs.keep(host.repository.state, log)
