"""Workers and checks of the simulation: what an item is called says what its worker does, the rest is by chance."""

from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from random import Random

from factory.execution.agents.kinds import AGENTS
from factory.execution.agents.reviewer import judged_subject
from factory.execution.cell.pool import Cells
from factory.execution.checks.evidence import Gatherer
from factory.execution.checks.in_flight import CheckResult
from factory.execution.checks.runner import CheckCall, CheckNotRunnable, CheckRunner
from factory.execution.control import Control
from factory.execution.host import Host
from factory.execution.local import LocalExecutor
from factory.execution.outcome import Reviews, RunOutcome, SeatResult, Work
from factory.execution.pipeline import prove
from factory.execution.redaction.redactor import Redactor
from factory.execution.request import RunRequest
from factory.model.base import digest
from factory.model.failure import Failure, FailureClass
from factory.model.result import Result, Status, Usage
from factory.model.verdict import Decision, Finding, MachineVerdict
from factory.store.repository.objects import Objects
from factory.store.repository.repository import Repository
from factory.store.repository.trees import TreeEditor, diff
from tests.simulation import lies
from tests.simulation.system import VirtualSystem

WORK = "work"  # the folder that workers write to
SHARED = "work/shared.txt"
HAS = "simulated-has"  # a check of one file
KINDS = (
    *("good", "bad", "worst", "left", "right", "shared"),
    *("empty", "asks", "fails", "never", "breaks", "rubbish", "rubbish", "slow", "chaos"),
)
_FAILURES = (FailureClass.NETWORK, FailureClass.CRASH, FailureClass.AUTH, FailureClass.TIMEOUT, FailureClass.REFUSAL)
_SOON_S, _SLOW_S = 30.0, 3 * 3600.0
_LET_DOWN = 0.03  # how often the machine cannot run a check


def named(words: str) -> str:
    """The path that the check of one file means; it does not name it, as a path would that tells what is judged."""
    return f"{WORK}/{words.replace(' ', '/')}.txt"


def is_green(objects: Objects, content: str) -> bool:
    """What the one check of the simulation says of a content: nothing bad, and no left beside a right."""
    return not _wrong(objects, content)


def _wrong(objects: Objects, content: str) -> str:
    """What the check finds in a content; empty when it passes."""
    lines = [
        objects.blob(entry.oid).decode() for _, entry in sorted(objects.folder(content, WORK).items()) if entry.is_file
    ]
    sides = {line.partition(" ")[0] for line in lines}
    wrong = {"bad"} | ({"left", "right"} if {"left", "right"} <= sides else set())
    return "".join(line for line in lines if line.partition(" ")[0] in wrong)


@dataclass
class Tally:
    """What was done in a simulation, by all lives of the orchestrator."""

    checks: int = 0
    runs: dict[str, int] = field(default_factory=dict)
    crowds: list[str] = field(default_factory=list)  # the moments at which more were at work than may be
    on_other_bases: bool = False  # whether a person may take back a run's beginning, and it begin anew on another one
    stumbles: Random | None = None  # by which landings fail now and then; None: none does

    def begin(self, request: RunRequest) -> None:
        """Count a run."""
        run = f"{request.item_id} {request.run}" + (f" on {request.base[:10]}" if self.on_other_bases else "")
        self.runs[run] = self.runs.get(run, 0) + 1


@dataclass(frozen=True)
class _Runner(CheckRunner):
    """Says what a check would, without a cell."""

    tally: Tally = field(kw_only=True)

    def _fresh(self, call: CheckCall, tree: str, target: str) -> CheckResult:
        if call.argv[0] == HAS:
            lacking = self._lacking(named(call.argv[1]), tree)
            return CheckResult(1 if lacking else 0, "", 1.0, lacking.encode())
        if self.repository.system.chance() < _LET_DOWN:
            raise CheckNotRunnable("the machine let it down")
        self.tally.checks += 1
        wrong = _wrong(self.repository.objects, tree)
        return CheckResult(1 if wrong else 0, "", 1.0, wrong.encode())

    def _lacking(self, path: str, tree: str) -> str:
        """Why a file is not as it should be; empty when it is."""
        return "" if (self.repository.objects.file(tree, path) or b"").startswith(b"good") else f"{path} is not good\n"


class _Gatherer(Gatherer):
    """Gathers evidence with such checks."""

    def __init__(self, repository: Repository, cells: Cells, tally: Tally) -> None:
        super().__init__(repository, cells)
        self._tally = tally

    def _runner(self, *arguments: object) -> CheckRunner:
        own = super()._runner(*arguments)  # type: ignore[arg-type]
        return _Runner(**vars(own), tally=self._tally)


def local_executor(repository: Repository, cells: Cells, tally: Tally) -> LocalExecutor:
    """What carries out the checks of the merge train."""
    host = Host(repository, cells, _Gatherer(repository, cells, tally), Redactor(repository.objects), AGENTS)
    return LocalExecutor(host)


class SimulatedExecutor:
    """An executor whose workers do what their items are called, on the virtual clock."""

    kinds = ("command",)

    def __init__(self, host: Host, system: VirtualSystem, seed: str, tally: Tally) -> None:
        self._host = host
        self._system = system
        self._seed = seed
        self._tally = tally
        self._open: dict[Future[RunOutcome], tuple[RunRequest, Control]] = {}

    def submit(self, request: RunRequest, control: Control) -> "Future[RunOutcome]":
        future: Future[RunOutcome] = Future()
        run = f"{request.item_id} {request.run}"
        self._tally.begin(request)
        chance = Random(f"{self._seed} {run}")
        beside = sum(not other.stop.is_set() for _, other in self._open.values())
        if beside >= request.policy.agent.max_concurrent_agents:
            self._tally.crowds.append(f"{run} began beside {beside} others")
        slow = request.item_id.startswith("slow")
        self._open[future] = request, control
        seconds = _SLOW_S if slow and chance.random() < 0.5 else chance.uniform(0, _SOON_S)
        self._system.later(seconds, lambda: self._end(future, chance))
        return future

    def _end(self, future: "Future[RunOutcome]", chance: Random) -> None:
        request, control = self._open.pop(future, (None, None))
        if request is None or control is None:
            return
        if control.stop.is_set():
            future.set_result(RunOutcome(Work(1.0, stopped=True)))
            return
        try:
            future.set_result(self._outcome(request, control, chance))
        except Exception as error:  # as of a pool of threads
            future.set_exception(error)

    def shutdown(self) -> None:
        for future in list(self._open):
            self._end(future, Random(0))

    def _outcome(self, request: RunRequest, control: Control, chance: Random) -> RunOutcome:
        kind = request.item_id.partition("-")[0]
        if kind == "chaos":
            kind = chance.choice(KINDS[:-1])
        if kind in ("empty", "fails", "breaks", "asks", "rubbish") and request.run > 1 + chance.randrange(3):
            kind = "good"
        return self._as(kind, request, control, chance)

    def _as(self, kind: str, request: RunRequest, control: Control, chance: Random) -> RunOutcome:
        work = Work(chance.uniform(0, 9), usage=Usage(usd=0.25), log=b"at work\n")
        match kind:
            case "empty":
                return RunOutcome(work.failed(Failure(FailureClass.EMPTY, "nothing was changed")))
            case "never":
                return RunOutcome(work.failed(Failure(FailureClass.NETWORK, "there was no network")))
            case "fails":
                return RunOutcome(work.failed(Failure(chance.choice(_FAILURES), "it failed")))
            case "breaks":
                found = (Finding(id="B1", severity="major", path="a", text="it may not"),)
                broken = replace(work, findings=found)
                return RunOutcome(broken.failed(Failure(FailureClass.CONTRACT, "it broke the contract")))
            case "asks":
                return RunOutcome(replace(work, result=Result(status=Status.BLOCKED, question="Which one?")))
            case "rubbish":
                return self._rubbish(request, control, chance)
        text = self._text(kind, request, chance)
        path = SHARED if kind == "shared" else f"{WORK}/{request.item_id}.txt"
        return self._proposed(replace(work, result=Result(status=Status.OK)), {path: text}, request, control, chance)

    def _text(self, kind: str, request: RunRequest, chance: Random) -> str:
        """One line, so that any two changes of one file are in each other's way."""
        bad = kind == "worst" or (kind == "bad" and (request.round == 1 or chance.random() < 0.3))
        side = kind if kind in ("left", "right") and (request.round == 1 or chance.random() < 0.3) else "good"
        return f"{'bad' if bad else side} {request.item_id} {request.run}\n"

    def _rubbish(self, request: RunRequest, control: Control, chance: Random) -> RunOutcome:
        """Something that an honest worker, or executor, would not say."""
        if chance.random() < 0.1:
            raise RuntimeError("the worker's machine is away")
        honest = self._as("good", request, control, chance)
        if honest.proof is None or honest.proof.evidence is None:
            return honest
        if chance.random() < 0.1:
            return RunOutcome(replace(honest.work, result=None))
        return lies.told(honest, request, self._host, chance)

    def _proposed(
        self, work: Work, files: dict[str, str], request: RunRequest, control: Control, chance: Random
    ) -> RunOutcome:
        """A proposal that has these files, with what the pipeline makes of it."""
        repository = self._host.repository
        objects = repository.objects
        base = repository.content_at(request.base)
        editor = TreeEditor(objects, repository.content_at(request.start))
        for path, text in files.items():
            editor.put_file(path, text.encode())
        tree = editor.write()
        changes = tuple(diff(objects, base, tree))
        if not changes:
            return RunOutcome(work.failed(Failure(FailureClass.EMPTY, "nothing was changed")))
        work = replace(work, tree=tree, changes=changes, patch=repository.patch(base, tree))
        outcome = RunOutcome(work, prove(request, work, self._host, control))
        if outcome.evidence is None or outcome.failure is not None or outcome.stopped:
            return outcome
        return replace(outcome, reviews=_reviews(request, outcome, chance))


_DECISIONS = {Decision.APPROVE: 12, Decision.REWORK: 3, Decision.REJECT: 1, Decision.ESCALATE: 1, Decision.PENDING: 1}


def _reviews(request: RunRequest, outcome: RunOutcome, chance: Random) -> Reviews:
    """What the machine seats say of what has passed its checks."""
    subject = judged_subject(request, outcome)
    passed = outcome.evidence is not None and outcome.evidence.passed
    robots = [seat.name for seat in request.contract.review.seats if seat.by_machine and passed]
    return Reviews(subject, tuple(_said(name, subject, request.run, outcome, chance) for name in robots))


def _said(seat: str, subject: str, run: int, outcome: RunOutcome, chance: Random) -> SeatResult:
    (decision,) = chance.choices(list(_DECISIONS), list(_DECISIONS.values()))
    verdict = MachineVerdict(subject=subject, lost="it wrote nothing")
    if decision is not Decision.PENDING:
        notes = None if decision is Decision.APPROVE else f"so it may not be in run {run}"
        verdict = MachineVerdict(subject=subject, patch=digest(outcome.work.patch), decision=decision, notes=notes)
    return SeatResult(seat, f"{seat} (command)", verdict)
