"""A run: from an order, which holds all it needs, to what it came to. It reads nothing of the orchestrator's state."""

import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce

from factory.execution.agents import deliverables
from factory.execution.agents.prompt import render, render_argv
from factory.execution.agents.reviewer import SeatResult
from factory.execution.agents.usage import Meter
from factory.execution.cell import hooks
from factory.execution.cell.cell import Cell, CellNotReady
from factory.execution.cell.pool import Cells
from factory.execution.cell.sandbox import sandbox
from factory.execution.processes import process
from factory.execution.redaction.mask import Mask
from factory.execution.request import RunRequest
from factory.model.base import printable
from factory.model.errors import FactoryError, InvalidFile
from factory.model.evidence import Evidence
from factory.model.failure import Failure, FailureClass, of_error, of_exit_status
from factory.model.result import Result, Status, Usage
from factory.model.verdict import Finding
from factory.store import files, yaml
from factory.store.repository.git import GitError
from factory.store.repository.quarantine import Brought, Quarantine
from factory.store.repository.repository import Repository, branch_of
from factory.store.repository.trees import Change, diff

_RESULT = "result.json"


@dataclass(frozen=True)
class Run:
    """How a run ended, and everything it left."""

    seconds: float
    prompt: str = ""
    log: bytes = b""
    hooks: bytes = b""  # what the hooks printed
    sandbox: str = ""  # what contained it, and what was missing
    usage: Usage = field(default_factory=Usage)
    result: Result | None = None
    raw_result: bytes | None = None  # without what the contract let through
    exposed: bool = False  # whether it held some of that
    failure: Failure | None = None
    stopped: bool = False  # because the orchestrator asked: it costs nothing
    tree: str = ""  # what the worker left in the worktree
    brought: Brought = field(default_factory=dict)  # the objects of that tree which the repository does not have
    changes: tuple[Change, ...] = ()
    patch: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()  # breaches of the contract
    proposal: str = ""
    evidence: Evidence | None = None
    logs: Mapping[str, bytes] = field(default_factory=dict)  # of the checks, by name
    subject: str = ""  # of a proposal that can be judged
    said: tuple[SeatResult, ...] = ()  # what machine seats say of it

    @property
    def delivers(self) -> bool:
        """Whether the worker is content with what it left."""
        return self.result is not None and self.result.status is Status.OK

    def cost(self) -> Usage:
        """What the worker and the machine seats used."""
        return reduce(Usage.plus, (each.usage for each in self.said), self.usage)


Alive = Callable[[], None]


def run_worker(request: RunRequest, repository: Repository, cells: Cells, stop: threading.Event, alive: Alive) -> Run:
    """Run the order's worker in a cell. A failure of the worker is a value; only a bug is an exception."""
    branch = branch_of(request.item_id)
    # A person who has the branch checked out keeps it as it is.
    shown = repository.view_of(branch) is not None
    try:
        with hooks.prepared_cell(cells, request, request.start, stop, "" if shown else branch) as cell:
            log = cell.log
            run = _run_in(cell, request, repository, stop, alive)
        return replace(run, hooks=bytes(log))
    except CellNotReady as error:
        return Run(0.0, hooks=bytes(error.log), failure=error.failure, stopped=stop.is_set())
    except (FactoryError, OSError) as error:
        return Run(0.0, failure=of_error(error, "the cell could not be used"))


def _run_in(cell: Cell, request: RunRequest, repository: Repository, stop: threading.Event, alive: Alive) -> Run:
    variables = request.variables()
    prompt = render(request.prompt, variables, "the prompt")
    argv = render_argv(request.argv, {**variables, "prompt": prompt}, "worker.run")
    hooks.must(cell, request, "before_run", stop)
    command = _command(cell, request, argv, prompt)
    meter = Meter(cell.out, request.budget_left)
    try:
        ended = process.run(command, stop, alive, meter)
    finally:
        hooks.may(cell, request, "after_run")
    meter.read()
    mask = Mask.of_environment(request.contract.worker.secrets)
    early = Run(
        ended.seconds,
        prompt,
        mask.hide_cut(command.log.read_bytes()),
        sandbox=_contained_by(command, cell),
        usage=meter.usage,
        files=deliverables.files(cell.out, request.contract)[0],  # however it ended: a person will need its report
        stopped=ended.stopped is process.Stopped.ASKED,
    )
    if early.stopped:
        return early
    return _judge(early, ended, cell, request, repository, mask)


def _command(cell: Cell, request: RunRequest, argv: tuple[str, ...], prompt: str) -> process.Command:
    limits = request.contract.limits
    worker = request.contract.worker
    variables = request.variables()
    env = cell.environment((*worker.env, *worker.secrets)) | {
        "FACTORY_ITEM": cell.give("item.json", files.as_json(variables["item"])),
        "FACTORY_PROMPT": cell.give("prompt.md", prompt.encode()),
        "FACTORY_FINDINGS": cell.give("findings.json", files.as_json(variables["findings"])),
        "FACTORY_EARLIER": cell.give("earlier.json", files.as_json(variables["earlier"])),
        "FACTORY_OUT": str(cell.out),
        "FACTORY_RUN": str(request.run),
        "FACTORY_ROUND": str(request.round),
        "FACTORY_BASE": request.base,
    }
    return process.Command(
        argv=argv,
        env=env,
        log=cell.place / "output.log",
        room=cell.room,
        sandbox=sandbox(request.policy.sandbox),
        limits=limits,
        network=worker.sandbox.network,
        wall_s=min(limits.minutes, request.budget_left.minutes or limits.minutes) * 60,
        silence_s=request.policy.silence_s(limits),
        startup_s=limits.startup_minutes * 60 if limits.startup_minutes else None,
    )


def _contained_by(command: process.Command, cell: Cell) -> str:
    """What contained the worker, and what was missing."""
    astray = cell.leads_out(command.argv, command.env)
    missing = "; ".join(filter(None, (command.sandbox.missing, astray)))
    return f"{command.sandbox.name} ({missing})" if missing else command.sandbox.name


def _heard(early: Run, cell: Cell, mask: Mask) -> Run:
    """With what the worker says of its run: nothing reads it, or takes a part of it, before it has been masked."""
    raw = deliverables.read_small(cell.out, _RESULT, yaml.MAX_BYTES)
    masked = raw and mask.hide_cut(raw)
    return replace(early, raw_result=masked, exposed=masked != raw)


def _judge(
    early: Run, ended: process.Ended, cell: Cell, request: RunRequest, repository: Repository, mask: Mask
) -> Run:
    """What the run amounts to: how it ended, what it says, and what it left, in this order."""
    failure = _of_ending(ended, request)
    if failure is not None:
        return replace(early, failure=failure)
    heard = _heard(early, cell, mask)
    try:
        result = _result(heard.raw_result)
    except InvalidFile as error:
        masked = "; a secret that the contract let through was taken out of it first" if heard.exposed else ""
        return replace(heard, failure=Failure(FailureClass.CONTRACT, f"{error}{masked}"))
    told = result is not None and result.usage != Usage()  # else what it wrote while it ran is all there is
    said = replace(heard, result=result, usage=result.usage if result and told else early.usage)
    if ended.exit_code and (result is None or result.status is Status.OK):
        reason = f"the worker ended with exit status {ended.exit_code}{_last_line(early.log)}"
        return replace(said, failure=Failure(of_exit_status(ended.exit_code), reason))
    if result is not None and result.status is not Status.OK:
        return said
    return _collect(said, cell, request, repository)


def _of_ending(ended: process.Ended, request: RunRequest) -> Failure | None:
    limits, left = request.contract.limits, request.budget_left.minutes
    match ended.stopped:
        case process.Stopped.WALL if left is not None and left < limits.minutes:
            reason = f"the worker was stopped after {left:g} minutes, which were left of the item's budget"
            return Failure(FailureClass.BUDGET, reason)
        case process.Stopped.WALL:
            return Failure(FailureClass.TIMEOUT, f"the worker was stopped after {limits.minutes:g} minutes")
        case process.Stopped.SILENCE:
            return Failure(
                FailureClass.STALL, f"the worker was stopped after {ended.silent_s:g} s without a sign of life"
            )
        case process.Stopped.NOT_STARTED:
            return Failure(FailureClass.CONFIG, ended.problem)
        case process.Stopped.LIMIT if ended.over:
            return ended.over._replace(reason=f"the worker {ended.over.reason}")
    if ended.exit_code == -signal.SIGXFSZ:
        reason = (
            f"the worker was stopped: it wrote a file of more than the {limits.disk_mb} MB that the contract allows"
        )
        return Failure(FailureClass.CONTRACT, reason)
    if ended.exit_code is not None and ended.exit_code < 0:
        return Failure(FailureClass.CRASH, f"the worker was killed by signal {-ended.exit_code}")
    return None


def _last_line(log: bytes) -> str:
    lines = log[-4000:].decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f": {printable(last[:200])}" if last else ""


def _result(raw: bytes | None) -> Result | None:
    if raw is None:
        return None
    source = yaml.Source(_RESULT, raw)
    return yaml.validate(Result, yaml.parse_json(source), source)


def _collect(said: Run, cell: Cell, request: RunRequest, repository: Repository) -> Run:
    """The proposal and the files of a worker that is content with itself, held against the contract."""
    try:
        taken = cell.take()
    except GitError as error:
        reason = f"what the worker left cannot be read by git: {error.said}"
        return replace(said, failure=Failure(FailureClass.CRASH if error.of_machine else FailureClass.CONTRACT, reason))
    with taken:
        return _held(said, taken, cell, request, repository)


def _held(said: Run, taken: Quarantine, cell: Cell, request: RunRequest, repository: Repository) -> Run:
    contract = request.contract
    base = repository.content(repository.objects.commit(request.base).tree)
    repository.objects.flush()  # what is compared with, the quarantine must be able to see
    try:
        changes = tuple(diff(taken.objects, base, taken.tree))
    except RecursionError:
        return replace(
            said, failure=Failure(FailureClass.CONTRACT, "the worker left folders nested too deep to look at")
        )
    found, breaches = deliverables.files(cell.out, contract)
    breaches += deliverables.data_breaches(said.result, contract)
    breaches += (heavy := deliverables.too_much(changes, taken.objects)) + list(
        deliverables.change_breaches(changes, request, taken.objects)
    )
    patch = taken.patch(base) if changes and not heavy else b""
    breaches += deliverables.line_breaches(patch, contract)
    whole = replace(said, tree=taken.tree, changes=changes, patch=patch, files=found)
    empty = _empty(whole, request, unchanged=taken.tree == repository.objects.commit(request.start).tree)
    if empty:
        return replace(whole, failure=Failure(FailureClass.EMPTY, f"the worker ended well, but {empty}"))
    if breaches:
        return breached(whole, breaches)
    return replace(whole, brought=taken.brought(base), result=said.result or Result(status=Status.OK))


def _empty(run: Run, request: RunRequest, *, unchanged: bool) -> str:
    """Why what was left is as good as nothing."""
    silent = run.result is None  # a worker that says why it leaves its proposal as it is did do something
    idle = unchanged and silent and not request.checked_again
    nothing = request.contract.produces.patch.required and (not run.changes or idle)
    if nothing or not (run.changes or run.files or not silent):
        return "nothing changed since the last proposal" if run.changes else "nothing was changed"
    return ""


def breached(run: Run, breaches: list[deliverables.Breach]) -> Run:
    """A run that broke its contract."""
    found = deliverables.findings(breaches)
    shown = "; ".join(f"{finding.path}: {finding.text}" if finding.path else finding.text for finding in found[:3])
    return replace(run, findings=found, failure=Failure(FailureClass.CONTRACT, shown))
