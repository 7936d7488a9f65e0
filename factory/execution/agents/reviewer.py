"""Machine seats: agents that judge a proposal, in cells that they can only read, none seeing another's verdict."""

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace

from pydantic import JsonValue

from factory.execution.agents.agent import COMMAND, Task
from factory.execution.cell.cell import Cell
from factory.execution.cell.command import command_in
from factory.execution.cell.hooks import prepared_cell
from factory.execution.cell.leaks import INSTEAD, WOULD_NOT_SEE
from factory.execution.control import Control
from factory.execution.host import Host
from factory.execution.outcome import Reviews, RunOutcome, SeatResult
from factory.execution.processes.command import Command, Ended
from factory.execution.prompts.prompt import render, render_argv
from factory.execution.redaction.mask import Mask
from factory.execution.request import RunRequest
from factory.execution.run_files import evidence_file, run_files
from factory.model.base import Argv, digest
from factory.model.contract import Seat
from factory.model.errors import FactoryError, told_by
from factory.model.failure import Failure, FailureClass, of_error
from factory.model.instruments import named
from factory.model.prices import estimated
from factory.model.result import Usage
from factory.model.subject import subject_of
from factory.model.text import printable
from factory.model.trace_context import VARIABLE as TRACEPARENT
from factory.model.trace_context import seat_phase
from factory.model.verdict import Decision, MachineVerdict
from factory.store import files, yaml
from factory.store.artifacts import left_by_worker
from factory.store.repository.batch import plumbing_commit
from factory.store.repository.git import GitError
from factory.store.repository.repository import Repository

_VERDICT = "verdict.yaml"
_REQUEST = """Review the patch in $FACTORY_PATCH for the task below.
The files lie here as they would be merged; you cannot change them.
Write $FACTORY_OUT/verdict.yaml with the keys `subject` ($FACTORY_SUBJECT), `patch` (sha256: and the digest of the patch
file), `decision` (approve, rework, reject or escalate), `notes`, `findings` (a list of id, severity, path, line, text),
`closes` (the keys of open findings in $FACTORY_EARLIER that are put right)
and `acceptance` (pass, fail or unread for each open criterion).

{{ item.title }}

{{ item.description }}
"""


@dataclass(frozen=True)
class SeatRequest:
    """What one machine seat is asked to judge, and in which files."""

    request: RunRequest
    seat: Seat
    subject: str
    commit: str  # holds the files as they would be merged
    tree: str  # of that commit
    patch: bytes
    evidence: bytes  # as JSON
    changed: frozenset[str] = frozenset()  # the paths that the proposal changes
    judge: str = ""  # the agent that sits in it; empty: a command does


class _Lost(FactoryError):
    """A verdict that does not count."""


def review(request: RunRequest, outcome: RunOutcome, host: Host, control: Control) -> Reviews:
    """What every machine seat says of a proposal whose checks have passed, all at once, none seeing another's verdict.

    It takes as long as the slowest. A seat whose agent raises, whatever it is, has lost its own verdict.
    """
    evidence, proof = outcome.evidence, outcome.proof
    assert evidence is not None and proof is not None
    subject = judged_subject(request, outcome)
    seats = [seat for seat in request.contract.review.seats if seat.by_machine]
    if not seats or not evidence.passed:
        return Reviews(subject)
    objects = host.repository.objects
    commit = plumbing_commit(objects, evidence.tree, (evidence.target,), "What is to be judged.\n")
    objects.flush()
    told = evidence_file(evidence)
    request = replace(request, budget_left=request.budget_left.after(outcome.work.usage))
    changed = frozenset(change.path for change in outcome.work.changes)

    most = request.policy.agent.max_concurrent_reviews or request.policy.agent.max_concurrent_agents

    def sit(seat: Seat) -> SeatResult:
        patch = request.patches.get(seat.name, outcome.work.patch)
        asked = SeatRequest(request, seat, subject, commit, evidence.tree, patch, told, changed)
        with host.reviews.one_of(most, control):
            control.says("judging")
            with control.phases.timed(seat_phase(seat.name)):
                return _in_turn(asked, host, control).checked()

    with host.repository.system.threads(len(seats), "seat") as pool:
        said = [(seat, pool.submit(sit, seat)) for seat in seats]
        results = tuple(_said(seat, subject, future) for seat, future in said)
        return Reviews(subject, results, stopped=control.stop.is_set())


def _said(seat: Seat, subject: str, future: "Future[SeatResult]") -> SeatResult:
    """What a seat came to once it has ended."""
    error = future.exception()
    return _lost(_silent(seat, subject), of_error(error).reason) if error is not None else future.result()


def _in_turn(asked: SeatRequest, host: Host, control: Control) -> SeatResult:
    """Let the seat's agents judge, each where those before it could not begin: at a limit, or for lack of a key."""
    seat, cost = asked.seat, Usage()
    said, walls = _silent(seat, asked.subject), dict[str, Failure]()
    for judge in asked.request.judges.get(seat.name) or (seat.agent or "",):
        said, failure = _one(replace(asked, judge=judge), host, control)
        cost = cost.plus(said.usage)
        if failure is None or not (failure.is_wall or failure.kind is FailureClass.RATE_LIMIT):
            break
        walls[judge] = failure
    return replace(said, usage=cost, walls=walls)


def _silent(seat: Seat, subject: str, judge: str = "") -> SeatResult:
    """A seat that has not said anything yet."""
    name = judge or seat.agent or seat.role or (seat.run or ("",))[0].rpartition("/")[2]
    return SeatResult(seat.name, f"{name} ({seat.kind})", MachineVerdict(subject=subject))


def _lost(said: SeatResult, reason: str) -> SeatResult:
    return replace(said, verdict=MachineVerdict(subject=said.verdict.subject, lost=printable(reason)))


def judged_subject(request: RunRequest, outcome: RunOutcome) -> str:
    """The digest of exactly what is to be judged."""
    left = left_by_worker(run_files(outcome))
    return subject_of(request.item, request.contract_source, request.policy.governing(), outcome.work.patch, left)


def _one(asked: SeatRequest, host: Host, control: Control) -> tuple[SeatResult, Failure | None]:
    """Let one agent or command judge: (what it said, what kept it). A verdict that does not count says why."""
    request, seat = asked.request, asked.seat
    agent = request.policy.agent_named(asked.judge)
    said = _silent(seat, asked.subject, asked.judge)
    try:
        with prepared_cell(host.cells, request, asked.commit, control) as cell:
            command, prompt = _command(cell, asked, (agent.run if agent else seat.run) or ())
            astray = cell.leads_out(command.argv, command.env) if seat.run else ""
            if astray:
                raise _Lost(f"it {WOULD_NOT_SEE}: {astray}; {INSTEAD}")
            kind = host.agents[agent.kind if agent else COMMAND]
            mask = Mask.of_environment(agent.keys.values() if agent else ())
            answer = kind.work(replace(_task(cell, command, prompt, asked), hide=mask.hide), control)
            said = replace(
                said,
                log=mask.hide_cut(answer.log),
                trace=mask.hide(answer.trace),
                seconds=answer.ended.seconds,
                usage=answer.usage,
                agent=answer.agent,
            ).checked()
            price = request.policy.price_of(agent.model if agent else None, said.agent.model)
            said = replace(said, usage=estimated(said.usage, price))
            if answer.failure is not None:
                failure = answer.failure._replace(reason=mask.text(answer.failure.reason))
                return _lost(said, f"it failed ({failure.kind}): {failure.reason}"), failure
            return replace(said, verdict=_verdict(cell, asked, answer.ended, host.repository, mask)), None
    except (FactoryError, OSError) as error:
        return _lost(said, told_by(error)), None


def _task(cell: Cell, command: Command, prompt: str, asked: SeatRequest) -> Task:
    policy = asked.request.policy
    agent = policy.agent_named(asked.judge)
    model, url = (agent.model, agent.url) if agent else (None, None)
    turns, price = policy.agent.max_turns, policy.price_of(model)
    left = asked.request.budget_left
    return Task(cell, command, prompt, left, model=model, url=url, max_turns=turns, codex=policy.codex, price=price)


def prompt_of(request: RunRequest, seat: Seat, subject: str, judge: str) -> tuple[str, dict[str, JsonValue]]:
    """(what an agent in a seat is asked, the variables that its templates may use). Raises TemplateProblem."""
    agent = request.policy.agent_named(judge)
    variables = {**request.variables(), "subject": subject, "seat": seat.name, "model": agent.model if agent else None}
    variables |= {"tools": [], "skills": []}  # are the worker's
    return render(request.prompts.get(seat.name) or _REQUEST, variables, "the reviewer's prompt"), variables


def _command(cell: Cell, asked: SeatRequest, template: Argv) -> tuple[Command, str]:
    request = asked.request
    agent = request.policy.agent_named(asked.judge)
    prompt, variables = prompt_of(request, asked.seat, asked.subject, asked.judge)
    argv = render_argv(template, {**variables, "prompt": prompt}, f"review.seats.{asked.seat.name}")
    own = next(iter(named((argv,), sorted(asked.changed)).values()), "")
    if own:
        raise _Lost(f"the proposal changes {own}, which is a part of what was to judge it")
    env = (cell.environment(agent.env, agent.keys) if agent else cell.environment()) | {
        "FACTORY_ITEM": cell.give("item.json", files.as_json(variables["item"])),
        "FACTORY_PROMPT": cell.give("prompt.md", prompt.encode()),
        "FACTORY_PATCH": cell.give("patch.diff", asked.patch),
        "FACTORY_EVIDENCE": cell.give("evidence.json", asked.evidence),
        "FACTORY_FINDINGS": cell.give("findings.json", files.as_json(variables["findings"])),
        "FACTORY_EARLIER": cell.give("earlier.json", files.as_json(variables["earlier"])),
        "FACTORY_SUBJECT": asked.subject,
        "FACTORY_OUT": str(cell.out),
        "FACTORY_ROUND": str(request.round),
        TRACEPARENT: request.traceparent(seat_phase(asked.seat.name)),
    }
    command = replace(
        command_in(cell, request, argv, env, "output.log"),
        filesystem=replace(cell.filesystem, read_only=True),
        network=agent.network if agent else False,
        silence_s=request.policy.silence_s(request.contract.limits),
    )
    return command, prompt


def _verdict(cell: Cell, asked: SeatRequest, ended: Ended, repository: Repository, mask: Mask) -> MachineVerdict:
    """What it said, if that counts. Raises _Lost, or InvalidFile."""
    problem = ended.problem_in_words(f"{asked.request.contract.limits.minutes:g} minutes")
    if problem:
        raise _Lost(f"it {problem}")
    try:
        with cell.take() as taken:
            touched = taken.tree != asked.tree
    except GitError as error:
        if error.of_machine:
            raise
        touched = True
    if touched:
        raise _Lost("it changed the files that it was to judge")
    data = files.read_inside(cell.out, _VERDICT, yaml.MAX_BYTES)
    if data is None:
        raise _Lost(f"it wrote no {_VERDICT}")
    verdict = yaml.load(MachineVerdict, yaml.Source(_VERDICT, mask.hide(data)))
    objection = next(_objections(verdict, asked, repository), "")
    if objection:
        raise _Lost(objection)
    return verdict


def _objections(verdict: MachineVerdict, asked: SeatRequest, repository: Repository) -> Iterator[str]:
    """Why a verdict does not count."""
    if verdict.lost:
        yield "only the factory says that a verdict is lost"
    if verdict.subject != asked.subject:
        yield "it judges another subject"
    if verdict.patch != digest(asked.patch):
        yield "it answered without having read the patch: `patch` is not its digest"
    if verdict.decision is Decision.PENDING:
        yield "it decided nothing"
    for finding in verdict.findings:
        if not finding.path:
            continue
        lines = repository.objects.file(asked.tree, finding.path)
        if lines is None:
            yield f"the finding {finding.id} is about {finding.path}, which does not exist"
        elif finding.line is not None and finding.line > lines.count(b"\n") + 1:
            yield f"the finding {finding.id} is about line {finding.line} of {finding.path}, which is shorter"
