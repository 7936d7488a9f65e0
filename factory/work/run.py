"""A run: from an order, which holds all it needs, to an outcome. It reads nothing of the orchestrator's state."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import JsonValue

from factory.model.contract import Contract
from factory.model.errors import FactoryError, InvalidFile
from factory.model.evidence import Evidence
from factory.model.failure import Failure, FailureClass
from factory.model.item import Item
from factory.model.paths import matches
from factory.model.result import Result, Status
from factory.model.verdict import Finding
from factory.store import files, yaml
from factory.store.repository.objects import FILE
from factory.store.repository.repository import Repository, branch_of
from factory.store.repository.trees import Change, diff
from factory.work import process
from factory.work.prompt import render, render_argv
from factory.work.workcell import Cell, Cells

_RESULT = "result.json"
_FILE_MODES = frozenset({FILE, "100755"})


@dataclass(frozen=True)
class Order:
    """Everything one run needs to know."""

    item_id: str
    item: Item
    contract: Contract
    prompt: str  # the template
    run: int
    round: int
    base: str  # the commit that the proposal will be compared with
    start: str  # the commit that the cell begins with; without the factory's own folders
    findings: tuple[Finding, ...] = ()
    attempt: int | None = None

    def variables(self) -> dict[str, JsonValue]:
        """What prompt and argv templates may use."""
        item: JsonValue = {"id": self.item_id, **self.item.model_dump(mode="json")}
        return {
            "item": item,
            "issue": item,
            "inputs": self.item.inputs,
            "attempt": self.attempt,
            "round": self.round,
            "findings": [finding.model_dump(mode="json") for finding in self.findings],
            "contract": self.contract.model_dump(mode="json"),
        }


@dataclass(frozen=True)
class Outcome:
    """How a run ended, and everything it left."""

    seconds: float
    prompt: str = ""
    log: bytes = b""
    result: Result | None = None
    raw_result: bytes | None = None
    failure: Failure | None = None
    stopped: bool = False  # because the orchestrator asked: it costs nothing
    tree: str = ""  # what the worker left in the worktree
    changes: tuple[Change, ...] = ()
    patch: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()  # breaches of the contract
    proposal: str = ""
    evidence: Evidence | None = None
    logs: Mapping[str, bytes] = field(default_factory=dict)  # of the checks, by name


Alive = Callable[[], None]


def run_worker(order: Order, repository: Repository, cells: Cells, stop: threading.Event, alive: Alive) -> Outcome:
    """Run the order's worker in a cell. A failure of the worker is a value; only a bug is an exception."""
    try:
        with cells.lend(order.start, branch_of(order.item_id)) as cell:
            return _run_in(cell, order, repository, stop, alive)
    except FactoryError as error:
        return Outcome(0.0, failure=Failure(FailureClass.CONFIG, error.message))
    except OSError as error:
        return Outcome(0.0, failure=Failure(FailureClass.CRASH, f"the cell could not be used: {error}"))


def _run_in(cell: Cell, order: Order, repository: Repository, stop: threading.Event, alive: Alive) -> Outcome:
    variables = order.variables()
    prompt = render(order.prompt, variables, "the prompt")
    argv = render_argv(order.contract.worker.run or (), {**variables, "prompt": prompt}, "worker.run")
    limits = order.contract.limits
    command = process.Command(
        argv=argv,
        cwd=cell.tree,
        env=_environment(cell, order, prompt),
        log=cell.place / "output.log",
        wall_s=limits.minutes * 60,
        silence_s=limits.stall_minutes * 60,
        output_bytes=int(limits.output_mb * 1_000_000),
    )
    ended = process.run(command, stop, alive)
    process.end_strays(str(cell.place))
    log = command.log.read_bytes()
    early = Outcome(ended.seconds, prompt, log, stopped=ended.stopped is process.Stopped.ASKED)
    if early.stopped:
        return early
    return _judge(early, ended, cell, order, repository)


def _environment(cell: Cell, order: Order, prompt: str) -> dict[str, str]:
    worker = order.contract.worker
    variables = order.variables()
    return cell.environment((*worker.env, *worker.secrets)) | {
        "FACTORY_ITEM": cell.give("item.json", files.as_json(variables["item"])),
        "FACTORY_PROMPT": cell.give("prompt.md", prompt.encode()),
        "FACTORY_FINDINGS": cell.give("findings.json", files.as_json(variables["findings"])),
        "FACTORY_OUT": str(cell.out),
        "FACTORY_RUN": str(order.run),
        "FACTORY_ROUND": str(order.round),
        "FACTORY_BASE": order.base,
    }


def _judge(early: Outcome, ended: process.Ended, cell: Cell, order: Order, repository: Repository) -> Outcome:
    """What the run amounts to: how it ended, what it says, and what it left, in this order."""
    failure = _of_ending(ended, order.contract)
    if failure is not None:
        return replace(early, failure=failure)
    raw = _read_small(cell.out / _RESULT, cell.out)
    try:
        result = _result(raw)
    except InvalidFile as error:
        return replace(early, raw_result=raw, failure=Failure(FailureClass.CONTRACT, str(error)))
    said = replace(early, raw_result=raw, result=result)
    if ended.exit_code and (result is None or result.status is Status.OK):
        reason = f"the worker ended with exit status {ended.exit_code}{_last_line(early.log)}"
        return replace(said, failure=Failure(FailureClass.CRASH, reason))
    if result is not None and result.status is not Status.OK:
        return said
    return _collect(said, cell, order, repository)


def _collect(said: Outcome, cell: Cell, order: Order, repository: Repository) -> Outcome:
    objects = repository.objects
    base = repository.content(objects.commit(order.base).tree)
    tree = cell.worktree.snapshot()
    changes = tuple(diff(objects, base, tree))
    patch = repository.patch(base, tree) if changes else b""
    left, missing = _files(cell, order.contract)
    whole = replace(said, tree=tree, changes=changes, patch=patch, files=left)
    unchanged = tree == objects.commit(order.start).tree
    produces = order.contract.produces
    silent = said.result is None  # a worker that says why it leaves its proposal as it is did do something
    if (produces.patch.required and (not changes or (unchanged and silent))) or not (changes or left or not silent):
        again = "nothing changed since the last proposal" if changes else "nothing was changed"
        return replace(whole, failure=Failure(FailureClass.EMPTY, f"the worker ended well, but {again}"))
    breaches = (*missing, *_breaches(changes, patch, order.contract))
    if breaches:
        findings = tuple(
            Finding(id=f"B{number}", path=path, text=text) for number, (path, text) in enumerate(breaches, 1)
        )
        shown = "; ".join(f"{path}: {text}" for path, text in breaches[:3])
        return replace(whole, findings=findings, failure=Failure(FailureClass.CONTRACT, shown))
    return replace(whole, result=said.result or Result(status=Status.OK))


def _of_ending(ended: process.Ended, contract: Contract) -> Failure | None:
    match ended.stopped:
        case process.Stopped.WALL:
            return Failure(FailureClass.TIMEOUT, f"the worker was stopped after {contract.limits.minutes:g} minutes")
        case process.Stopped.SILENCE:
            silence = contract.limits.stall_minutes
            return Failure(
                FailureClass.STALL, f"the worker was stopped after {silence:g} minutes without a sign of life"
            )
        case process.Stopped.NOT_STARTED:
            return Failure(FailureClass.CONFIG, ended.problem)
    if ended.exit_code is not None and ended.exit_code < 0:
        return Failure(FailureClass.CRASH, f"the worker was killed by signal {-ended.exit_code}")
    return None


def _last_line(log: bytes) -> str:
    lines = log.decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f": {last[:200]}" if last else ""


def _read_small(path: Path, below: Path, most: int = yaml.MAX_BYTES) -> bytes | None:
    """A plain file that truly lies below a folder; one byte more than allowed shows that it is too large."""
    if path.resolve() != below.resolve() / path.relative_to(below) or not path.is_file():
        return None
    with path.open("rb") as stream:
        return stream.read(most + 1)


def _result(raw: bytes | None) -> Result | None:
    if raw is None:
        return None
    source = yaml.Source(_RESULT, raw)
    return yaml.validate(Result, yaml.parse_json(source), source)


def _files(cell: Cell, contract: Contract) -> tuple[dict[str, bytes], list[tuple[str, str]]]:
    """The files that the contract asks for, and what is wrong with them."""
    found: dict[str, bytes] = {}
    problems: list[tuple[str, str]] = []
    for wanted in contract.produces.files:
        data = _read_small(cell.out / wanted.path, cell.out, wanted.max_kb * 1024)
        if data is None:
            if wanted.required:
                problems.append((wanted.path, "is missing in $FACTORY_OUT"))
        elif len(data) > wanted.max_kb * 1024:
            problems.append((wanted.path, f"is larger than {wanted.max_kb} KiB"))
        else:
            found[wanted.path] = data
    return found, problems


def _breaches(changes: tuple[Change, ...], patch: bytes, contract: Contract) -> list[tuple[str, str]]:
    allowed = contract.produces.patch
    found: list[tuple[str, str]] = []
    for change in changes:
        if change.path.startswith(("queue/", "artifacts/")):
            found.append((change.path, "belongs to the factory"))
        elif not matches(change.path, allowed.paths):
            found.append((change.path, f"may not be changed; the contract allows {', '.join(allowed.paths)}"))
        if change.new and change.new.mode not in _FILE_MODES:
            what = "a symbolic link" if change.new.mode == "120000" else "a repository of its own"
            found.append((change.path, f"is {what}"))
    if len(changes) > allowed.max_files:
        found.append(("", f"{len(changes)} files were changed; at most {allowed.max_files} may be"))
    lines = _changed_lines(patch)
    if lines > allowed.max_lines:
        found.append(("", f"{lines} lines were changed; at most {allowed.max_lines} may be"))
    return found


def _changed_lines(patch: bytes) -> int:
    """How many lines the hunks of a patch add or remove; a line may itself look like a patch's header."""
    count, in_hunk = 0, False
    for line in patch.split(b"\n"):
        if line.startswith((b"@@ ", b"diff --git ")):
            in_hunk = line.startswith(b"@@ ")
        elif in_hunk and line.startswith((b"+", b"-")):
            count += 1
    return count
