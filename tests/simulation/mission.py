"""A long mission on the virtual clock: workers that fail in every way, a limit on their use, and a kill a minute."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from random import Random

from factory.execution.agents.reviewer import judged_subject
from factory.execution.control import Control
from factory.execution.outcome import Reviews, RunOutcome, SeatResult, Work
from factory.execution.pipeline import by_itself, prove
from factory.execution.request import RunRequest
from factory.line.snapshot import SnapshotReader
from factory.model.base import digest
from factory.model.failure import Failure, FailureClass
from factory.model.mission.assertions import AssertionState
from factory.model.result import Handoff, Result, Status, Usage
from factory.model.verdict import Decision, Finding, MachineVerdict
from factory.store.repository.repository import Repository
from factory.store.repository.trees import TreeEditor, diff
from tests.simulation import invariants
from tests.simulation.clone import Simulation
from tests.simulation.machine import SimulatedMachine, lay
from tests.simulation.steps import Script, Step
from tests.simulation.workers import HAS, SHARED, SimulatedExecutor, Tally, named

_FOLDER = "contracts/missions/shop"
_FAIL, _BREAK, _LEAVE, _OBJECT = 1 / 3, 0.1, 0.05, 0.1  # how often: a run fails; it breaks, leaves, is objected to
_WINDOW_S = 5 * 3600.0  # in each of which there are so many runs of workers; then there is a limit until it is over
_OPERATIONS = 220  # of a pass, within which it is killed; else after it
_TRANSIENT = (FailureClass.CRASH, FailureClass.STALL, FailureClass.TIMEOUT, FailureClass.NETWORK)
_WAYS = ("transient", "transient", "away", "empty", "breaks", "wrong", "shared")
_PATIENT = "retry: {max_attempts: 100000}\nrework: {max_rounds: 100000}\n"
_FILES = {
    "WORKFLOW.md": """---
branch: main
routes: [{contract: work}]
secret_scan: "off"
canary: "off"
agent: {max_concurrent_agents: 4}
---
{{ item.title }}
""",
    "contracts/mission.yaml": """purpose: Plan.
worker: {run: [simulated]}
produces: {plan: true, patch: {paths: ["contracts/missions/**"]}}
review: {seats: [{name: human, kind: human}]}
"""
    + _PATIENT,
    "contracts/work.yaml": """purpose: One feature.
worker: {run: [simulated]}
review: {seats: [{name: tests, kind: checks}]}
"""
    + _PATIENT,
    "contracts/scrutiny.yaml": """purpose: Look at what a milestone has come to.
worker: {run: [simulated]}
produces: {patch: {required: false}}
review: {seats: [{name: tests, kind: checks}, {name: robot, kind: command, run: [simulated-reviewer]}]}
"""
    + _PATIENT,
    "work/shared.txt": "0\n",
    **{f"queue/{lane}/.gitkeep": "" for lane in ("inbox", "active", "review", "rework", "blocked", "done")},
}


@dataclass(frozen=True)
class Size:
    """How large a mission is."""

    assertions: int = 200
    features: int = 40
    milestones: int = 5

    def plan(self) -> dict[str, str]:
        """The files of its plan, by path."""
        fulfilled: dict[str, list[str]] = {f"f-{number:02}": [] for number in range(self.features)}
        names, asserted = list(fulfilled), []
        for number in range(self.assertions):
            name, key = names[number % self.features], f"VAL-{number:03}"
            fulfilled[name].append(key)
            words = f"{name} {key}"
            asserted.append({"id": key, "text": f"{words} is good", "check": [HAS, words], "reads": [named(words)]})
        milestones = [
            {
                "id": f"m{number}",
                "title": "A part",
                "max_rounds": 1000,
                "features": [
                    {"id": name, "title": name, "fulfills": fulfilled[name], "scope": [f"work/{name}/**"]}
                    for name in names[number :: self.milestones]
                ],
            }
            for number in range(self.milestones)
        ]
        plan = {"goal": "A shop", "writers": 3, "milestones": milestones}
        return {f"{_FOLDER}/assertions.yaml": json.dumps(asserted), f"{_FOLDER}/plan.yaml": json.dumps(plan)}


@dataclass
class _Used(Tally):
    """What was done, and how much of it in each window of use."""

    windows: dict[int, int] = field(default_factory=dict)
    plan: dict[str, str] = field(default_factory=dict)
    quota: int = 3
    failed: int = 0


class MissionWorkers(SimulatedExecutor):
    """Workers and reviewers of a mission: a third of their runs fail, and some break what others have made."""

    def _outcome(self, request: RunRequest, control: Control, chance: Random) -> RunOutcome:
        work = Work(chance.uniform(0, 9), usage=Usage(usd=0.25), log=b"at work\n")
        if request.item.by_itself:
            return self._proven(by_itself(request, self._host.repository), request, control, chance)
        assert isinstance(self._tally, _Used)
        if request.plans:
            return self._made(work, self._tally.plan, request, control, chance)
        limited = self._limited(self._tally)
        if limited is not None:
            return RunOutcome(work.failed(limited))
        way = chance.choice(_WAYS) if chance.random() < _FAIL else ""
        self._tally.failed += bool(way)
        match way:
            case "transient":
                return RunOutcome(work.failed(Failure(chance.choice(_TRANSIENT), "it failed")))
            case "away":
                raise RuntimeError("the worker's machine is away")
            case "empty":
                return RunOutcome(work.failed(Failure(FailureClass.EMPTY, "nothing was changed")))
            case "breaks":
                found = (Finding(id="B1", severity="major", path="a", text="it may not"),)
                return RunOutcome(replace(work, findings=found).failed(Failure(FailureClass.CONTRACT, "it may not")))
        return self._made(work, dict(self._files(way, request, chance)), request, control, chance)

    def _limited(self, used: _Used) -> Failure | None:
        """A limit of use, until the window of so many hours is over."""
        window = int(self._system.elapsed // _WINDOW_S)
        used.windows[window] = used.windows.get(window, 0) + 1
        if used.windows[window] <= used.quota:
            return None
        used.failed += 1
        left = timedelta(seconds=(window + 1) * _WINDOW_S - self._system.elapsed)
        return Failure(FailureClass.RATE_LIMIT, "the limit is reached", self._system.now() + left)

    def _files(self, way: str, request: RunRequest, chance: Random) -> Iterator[tuple[str, str]]:
        """What a worker writes: all that its item asks for, and now and then more than that."""
        run = f"{request.item_id} {request.run}\n"
        asked = [named(each.check[1]) for each in request.item.acceptance if each.check]
        yield f"work/{request.item_id}.txt", f"good {run}"
        for number, path in enumerate(asked):
            yield path, f"{'wrong' if way == 'wrong' and not number else 'good'} {run}"
        if way == "shared":
            yield SHARED, run
        if chance.random() < _BREAK:
            objects = self._host.repository.objects
            tree = objects.commit(request.base).tree
            folder = chance.choice([each for each in sorted(objects.folder(tree, "work")) if "." not in each] or [""])
            others = [f"work/{folder}/{name}" for name in sorted(objects.folder(tree, f"work/{folder}"))]
            yield from ((path, f"broken {run}") for path in others[:1] if folder and path not in asked)

    def _made(
        self, work: Work, files: dict[str, str], request: RunRequest, control: Control, chance: Random
    ) -> RunOutcome:
        """A proposal that has these files, with what the pipeline makes of it."""
        repository = self._host.repository
        base = repository.content_at(request.base)
        editor = TreeEditor(repository.objects, repository.content_at(request.start))
        for path, text in files.items():
            editor.put_file(path, text.encode())
        tree = editor.write()
        left = ("nobody has written of it",) if chance.random() < _LEAVE and not request.plans else ()
        result = Result(status=Status.OK, handoff=Handoff(left_undone=left))
        changes = tuple(diff(repository.objects, base, tree))
        made = replace(work, result=result, tree=tree, changes=changes, patch=repository.patch(base, tree))
        return self._proven(made, request, control, chance)

    def _proven(self, work: Work, request: RunRequest, control: Control, chance: Random) -> RunOutcome:
        outcome = RunOutcome(work, prove(request, work, self._host, control))
        if outcome.evidence is None or outcome.failure is not None or outcome.stopped:
            return outcome
        subject = judged_subject(request, outcome)
        seats = [seat.name for seat in request.contract.review.seats if seat.by_machine and outcome.evidence.passed]
        return replace(outcome, reviews=Reviews(subject, tuple(_said(seat, subject, work, chance) for seat in seats)))


def _said(seat: str, subject: str, work: Work, chance: Random) -> SeatResult:
    found = (Finding(id="F1", severity="major", text="this could be better"),) if chance.random() < _OBJECT else ()
    decision = Decision.REWORK if found else Decision.APPROVE
    verdict = MachineVerdict(subject=subject, patch=digest(work.patch), decision=decision, findings=found)
    return SeatResult(seat, f"{seat} (command)", verdict)


@dataclass
class Ended:
    """What came of a mission."""

    hours: float = 0.0
    kills: int = 0
    runs: int = 0
    failed: int = 0
    approvals: int = 0
    answers: int = 0
    passed: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.passed} assertions passed in {self.hours:.1f} hours, {self.runs} runs, {self.failed} failed, "
            f"{self.kills} kills, {self.approvals} approvals, {self.answers} answers"
        )


def carried_out(
    size: Size,
    seed: int,
    *,
    every_s: float = 60.0,
    quota: int = 3,
    most_hours: float = 1000.0,
    tell: Callable[[str], None] = lambda _: None,
) -> Ended:
    """Carry a mission out, with a kill every so many seconds of the virtual clock, and so many runs in five hours.

    The person approves its plan, and answers what they are asked, and does nothing else.
    """
    script = Script(seed, (), "checks", "every", 4, ())
    machine, ended, chance = SimulatedMachine(seed), Ended(), Random(f"{seed} kills")
    with machine:
        lay(machine, {**_FILES, "queue/inbox/shop.yaml": "title: A shop\ncontract: mission\n"}, "The beginning")
        machine.disk.sync()
        simulation = Simulation(script, machine, tell)
        simulation.workers, simulation.tally = MissionWorkers, (used := _Used(plan=size.plan(), quota=quota))
        killed = 0.0
        while not list((machine.root / "queue/done").rglob("shop.yaml")) and machine.system.elapsed < most_hours * 3600:
            _decide(machine.root, ended)
            if machine.system.elapsed < killed + every_s:
                simulation.go_on_until(killed + every_s)
                continue
            simulation.do(Step("kill", at=chance.randrange(_OPERATIONS)))
            killed = machine.system.elapsed
        simulation.leave()
        with closing(Repository(machine.root, machine.system)) as repository:
            ended.passed = _passed(repository)
            ended.wrong = [*simulation.played.violations, *invariants.of_history(repository, used, alone=True)]
        ended.hours, ended.kills = machine.system.elapsed / 3600, simulation.played.crashes
        ended.runs, ended.failed = sum(used.runs.values()), used.failed
    return ended


def _decide(root: Path, ended: Ended) -> None:
    """The person approves the plan, and answers what they are asked."""
    verdict, answers = root / "queue/review/shop.human.verdict.yaml", root / "queue/blocked/shop.answers.yaml"
    if verdict.exists() and "decision: pending" in (text := verdict.read_text()):
        verdict.write_text(text.replace("decision: pending", "decision: approve"))
        ended.approvals += 1
    if answers.exists() and "    decision:\n" in (text := answers.read_text()):
        answers.write_text(text.replace("    decision:\n", f"    decision: {'again' if 'again' in text else 'fix'}\n"))
        ended.answers += 1


def _passed(repository: Repository) -> int:
    """How many assertions have passed."""
    head = repository.head("main") or ""
    reader, tree = SnapshotReader(repository, "main"), repository.objects.commit(head).tree
    history = reader.artifacts.history(tree, "shop", reader.artifacts.done_day(tree, "shop") or "")
    return sum(each.state is AssertionState.PASSED for each in history.mission.judged.values())
