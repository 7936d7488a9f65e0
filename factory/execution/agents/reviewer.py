"""The reviewer: a process that judges a proposal, in a cell that it can only read, seeing nobody else's verdict."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from factory.execution.agents.deliverables import read_small
from factory.execution.agents.prompt import render, render_argv
from factory.execution.agents.usage import Meter
from factory.execution.cell.cell import Cell
from factory.execution.cell.hooks import prepared_cell
from factory.execution.cell.leaks import INSTEAD, WOULD_NOT_SEE
from factory.execution.cell.pool import Cells
from factory.execution.cell.sandbox import sandbox
from factory.execution.processes import process
from factory.execution.redaction.mask import Mask
from factory.execution.request import RunRequest
from factory.model.base import Argv, digest, printable
from factory.model.contract import Seat
from factory.model.errors import FactoryError
from factory.model.instruments import named
from factory.model.result import Usage
from factory.model.verdict import Decision, MachineVerdict
from factory.store import files, yaml
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
    """What is to be judged."""

    request: RunRequest
    seat: Seat
    subject: str
    commit: str  # holds the files as they would be merged
    tree: str  # of that commit
    patch: bytes
    evidence: bytes  # as JSON
    prompt: str = ""  # the template; empty: a plain request
    changed: frozenset[str] = frozenset()  # the paths that the proposal changes


@dataclass(frozen=True)
class SeatResult:
    """What a seat came to."""

    seat: str
    reviewer: str
    verdict: MachineVerdict
    log: bytes = b""
    seconds: float = 0.0
    usage: Usage = field(default_factory=Usage)

    def signed(self) -> MachineVerdict:
        """The verdict with who gave it."""
        return self.verdict.model_copy(update={"reviewer": self.reviewer})


class _Lost(FactoryError):
    """A verdict that does not count."""


def review(
    brief: SeatRequest, repository: Repository, cells: Cells, stop: threading.Event, alive: Callable[[], None]
) -> SeatResult:
    """Let a seat judge. A verdict that does not count is pending, and says why."""
    request, seat = brief.request, brief.seat
    agent = request.policy.agents.get(seat.agent) if seat.agent else None
    name = seat.agent or (seat.run or ("",))[0].rpartition("/")[2]
    said = SeatResult(seat.name, f"{name} ({seat.kind})", MachineVerdict(subject=brief.subject))
    try:
        with prepared_cell(cells, request, brief.commit, stop) as cell:
            command = _command(cell, brief, (agent.run if agent else seat.run) or ())
            astray = cell.leads_out(command.argv, command.env) if seat.run else ""
            if astray:
                raise _Lost(f"it {WOULD_NOT_SEE}: {astray}; {INSTEAD}")
            meter = Meter(cell.out, request.budget_left)
            ended = process.run(command, stop, alive, meter)
            meter.read()
            mask = Mask.of_environment(agent.secrets if agent else ())
            log = mask.hide_cut(command.log.read_bytes())
            said = replace(said, log=log, seconds=ended.seconds, usage=meter.usage)
            return replace(said, verdict=_verdict(cell, brief, ended, repository, mask))
    except (FactoryError, OSError) as error:
        reason = error.message if isinstance(error, FactoryError) else str(error)
        return replace(said, verdict=said.verdict.model_copy(update={"lost": printable(reason)}))


def _command(cell: Cell, brief: SeatRequest, template: Argv) -> process.Command:
    request = brief.request
    agent = request.policy.agents.get(brief.seat.agent) if brief.seat.agent else None
    variables = {**request.variables(), "subject": brief.subject, "model": agent.model if agent else None, "tools": []}
    prompt = render(brief.prompt or _REQUEST, variables, "the reviewer's prompt")
    argv = render_argv(template, {**variables, "prompt": prompt}, f"review.seats.{brief.seat.name}")
    own = next(iter(named((argv,), sorted(brief.changed)).values()), "")
    if own:
        raise _Lost(f"the proposal changes {own}, which is a part of what was to judge it")
    env = cell.environment((*agent.env, *agent.secrets) if agent else ()) | {
        "FACTORY_ITEM": cell.give("item.json", files.as_json(variables["item"])),
        "FACTORY_PROMPT": cell.give("prompt.md", prompt.encode()),
        "FACTORY_PATCH": cell.give("patch.diff", brief.patch),
        "FACTORY_EVIDENCE": cell.give("evidence.json", brief.evidence),
        "FACTORY_FINDINGS": cell.give("findings.json", files.as_json(variables["findings"])),
        "FACTORY_EARLIER": cell.give("earlier.json", files.as_json(variables["earlier"])),
        "FACTORY_SUBJECT": brief.subject,
        "FACTORY_OUT": str(cell.out),
        "FACTORY_ROUND": str(request.round),
    }
    limits = request.contract.limits
    return process.Command(
        argv=argv,
        env=env,
        log=cell.place / "output.log",
        room=replace(cell.room, frozen=True),
        sandbox=sandbox(request.policy.sandbox),
        limits=limits,
        network=agent.network if agent else False,
        wall_s=limits.minutes * 60,
        silence_s=request.policy.silence_s(limits),
    )


def _verdict(
    cell: Cell, brief: SeatRequest, ended: process.Ended, repository: Repository, mask: Mask
) -> MachineVerdict:
    """What it said, if that counts. Raises _Lost, or InvalidFile."""
    if ended.stopped is not process.Stopped.NO or ended.exit_code:
        how = ended.problem or (ended.over.reason if ended.over else "") or f"ended with exit status {ended.exit_code}"
        raise _Lost(f"it {how}" if ended.stopped is process.Stopped.NO else f"it was stopped: {ended.stopped} {how}")
    try:
        with cell.take() as taken:
            touched = taken.tree != brief.tree
    except GitError as error:
        if error.of_machine:
            raise
        touched = True
    if touched:
        raise _Lost("it changed the files that it was to judge")
    data = read_small(cell.out, _VERDICT, yaml.MAX_BYTES)
    if data is None:
        raise _Lost(f"it wrote no {_VERDICT}")
    verdict = yaml.load(MachineVerdict, yaml.Source(_VERDICT, mask.hide(data)))
    objection = next(_objections(verdict, brief, repository), "")
    if objection:
        raise _Lost(objection)
    return verdict


def _objections(verdict: MachineVerdict, brief: SeatRequest, repository: Repository) -> Iterator[str]:
    """Why a verdict does not count."""
    if verdict.lost:
        yield "only the factory says that a verdict is lost"
    if verdict.subject != brief.subject:
        yield "it judges another subject"
    if verdict.patch != digest(brief.patch):
        yield "it answered without having read the patch: `patch` is not its digest"
    if verdict.decision is Decision.PENDING:
        yield "it decided nothing"
    for finding in verdict.findings:
        if not finding.path:
            continue
        lines = repository.objects.file(brief.tree, finding.path)
        if lines is None:
            yield f"the finding {finding.id} is about {finding.path}, which does not exist"
        elif finding.line is not None and finding.line > lines.count(b"\n") + 1:
            yield f"the finding {finding.id} is about line {finding.line} of {finding.path}, which is shorter"
