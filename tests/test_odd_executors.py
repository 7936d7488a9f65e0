"""Executors and agents that do not keep to what was agreed: it costs their own run, and nobody else anything."""

from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import closing
from functools import partial
from typing import cast

import pytest

from factory.execution.agents.agent import Answer, CommandAgent, Task
from factory.execution.agents.kinds import AGENTS
from factory.execution.control import Control
from factory.execution.outcome import Proof, Reviews, RunOutcome, SeatResult, Work
from factory.execution.processes.command import Ended, Stopped
from factory.execution.request import RunRequest
from factory.line.orchestrator import Orchestrator
from factory.line.tick import tick
from factory.model.errors import MachineError
from factory.model.evidence import Ran
from factory.model.failure import Failure, FailureClass
from factory.model.lifecycle import Event
from factory.model.result import Handoff, Issue, Result, Status, Usage
from factory.model.verdict import Finding, MachineVerdict
from factory.store.repository.repository import Repository
from factory.store.state import HEARTBEATS
from tests.test_bad_outcomes import FAILED, Given, Odd, failed, orchestrated
from tests.world import World, say_nothing

PAID = Usage(usd=0.25)
UNASKED = "it ended as stopped, and nobody had asked it to"


@pytest.mark.parametrize(
    "given",
    [
        lambda: RunOutcome(Work(1.0, usage=PAID, stopped=True)),
        lambda: RunOutcome(Work(1.0, usage=PAID, result=Result(status=Status.OK)), Proof(stopped=True)),
        lambda: RunOutcome(Work(1.0, usage=PAID), Proof(), Reviews(stopped=True)),
    ],
)
def test_a_run_that_nobody_asked_to_stop_and_that_says_so_is_a_crash_and_is_paid(world: World, given: Given) -> None:
    world.policy("retry: {initial_ms: 1}\n")
    world.item("one")
    world.commit("An item")
    with orchestrated(world, {"one": given}) as orchestrator, orchestrator.holding():
        tick(orchestrator)
    last = world.last("one")
    assert (last.event, last.failure, last.attempt) == (Event.RELEASE, FailureClass.CRASH, 1)
    assert (last.reason, last.usage) == (UNASKED, PAID)


class Quitter(CommandAgent):
    """Says that it was asked to end, and tells the run's own control so too."""

    def work(self, task: Task, control: Control) -> Answer:
        control.stop.set()
        return Answer(Ended(0, Stopped.ASKED, 0.1), b"")


def test_an_agent_that_says_it_was_asked_to_end_uses_its_attempts_up(world: World) -> None:
    world.policy("retry: {initial_ms: 1}\n")
    world.item("one")
    world.commit("An item")
    with closing(Repository(world.root)) as repository:
        orchestrator = Orchestrator(repository, say_nothing, agents={**AGENTS, "command": Quitter()})
        with orchestrator.holding():
            tick(orchestrator, drain=True, patience=5)
    assert world.lane("one") == "blocked"
    assert str(world.last("one").reason).endswith(f"the last: {UNASKED}")


class DoneFails(Future[RunOutcome]):
    def done(self) -> bool:
        raise ConnectionError("the cluster is away")


class TellsNobody(Future[RunOutcome]):
    def add_done_callback(self, fn: Callable[[Future[RunOutcome]], object]) -> None:
        raise ConnectionError("the cluster is away")


class NeverBegun(Future[RunOutcome]):
    def __init__(self) -> None: ...


class ResultFails(Future[RunOutcome]):
    def result(self, timeout: float | None = None) -> RunOutcome:
        raise ConnectionError("the cluster is away")

    def cancelled(self) -> bool:
        raise ConnectionError("the cluster is away")


class TellsTwice(Future[RunOutcome]):
    def add_done_callback(self, fn: Callable[[Future[RunOutcome]], object]) -> None:
        fn(self)
        fn(self)


class TellsTooEarly(Future[RunOutcome]):
    def set_result(self, result: RunOutcome) -> None: ...

    def add_done_callback(self, fn: Callable[[Future[RunOutcome]], object]) -> None:
        fn(self)


class Cancelled(Future[RunOutcome]):
    def result(self, timeout: float | None = None) -> RunOutcome:
        raise CancelledError


class Foreign(Odd):
    """Hands on futures of other kinds, which have ended already; and those of the others, as they are."""

    def submit(self, request: RunRequest, control: Control) -> "Future[RunOutcome]":
        if request.item_id not in self.odd:
            return super().submit(request, control)
        future = cast("Future[RunOutcome]", self.odd[request.item_id]())
        if not isinstance(future, NeverBegun):
            future.set_result(RunOutcome(Work(1.0, failure=FAILED, usage=PAID)))
        return future


FOREIGN: dict[str, tuple[type[Future[RunOutcome]], str]] = {
    "done-fails": (DoneFails, FAILED.reason),
    "tells-nobody": (TellsNobody, "its result was lost: the cluster is away"),
    "never-begun": (NeverBegun, "its result was lost: 'NeverBegun' object has no attribute '_condition'"),
    "result-fails": (ResultFails, "its result was lost: the cluster is away"),
    "tells-twice": (TellsTwice, FAILED.reason),
    "tells-too-early": (TellsTooEarly, "its result was lost: TimeoutError"),
    "cancelled": (Cancelled, "its result was lost: the executor cancelled it"),
}


def test_a_future_that_fails_whatever_it_is_asked_costs_its_own_run_alone(world: World) -> None:
    # given futures of every odd kind among one that is right
    for name in [*FOREIGN, "other"]:
        world.item(name)
    world.commit("Items")
    odd: dict[str, Given] = {name: kind for name, (kind, _) in FOREIGN.items()}
    # when a pass follows theirs, and the orchestrator is left
    with orchestrated(world, odd, Foreign) as orchestrator, orchestrator.holding():
        tick(orchestrator)
    # then each says why it is tried again, and the other is done
    lasts = {name: world.last(name) for name in FOREIGN}
    assert {name: last.reason for name, last in lasts.items()} == {name: said for name, (_, said) in FOREIGN.items()}
    assert {last.event for last in lasts.values()} == {Event.RELEASE}
    assert world.lane("other") == "done"
    world.command("audit")


class Lingering(Odd):
    """Keeps every control, and goes on using it once its run is over."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self.controls: list[Control] = []

    def submit(self, request: RunRequest, control: Control) -> "Future[RunOutcome]":
        self.controls.append(control)
        control.says("at work")
        return super().submit(request, control)


def test_what_is_said_of_a_run_after_its_end_leaves_no_trace(world: World) -> None:
    world.item("one")
    world.commit("An item")
    kept: list[Lingering] = []

    class Kept(Lingering):
        def __init__(self, *given: object) -> None:
            super().__init__(*given)
            kept.append(self)

    with orchestrated(world, {"one": failed()}, Kept) as orchestrator, orchestrator.holding():
        tick(orchestrator)
        control = kept[0].controls[0]
        control.says("late")
        control.alive()
        assert orchestrator.context.runs.doing == {}
        assert list((orchestrator.context.repository.state / HEARTBEATS).glob("*")) == []


class Weird:
    """A seat's agent that raises, or that gives what nobody can write down."""

    def __init__(self, given: Callable[[], Answer]) -> None:
        self._given = given

    def work(self, task: Task, control: Control) -> Answer:
        return self._given()


def out_of_service() -> Answer:
    raise ValueError("the service said 500")


def leaving() -> Answer:
    raise SystemExit(3)


def used(usage: Usage) -> Callable[[], Answer]:
    return lambda: Answer(Ended(0, Stopped.NO, 0.1), b"", usage)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (out_of_service, "the service said 500"),
        (leaving, "SystemExit 3"),
        (lambda: cast(Answer, None), "'NoneType' object has no attribute 'log'"),
        (
            used(Usage.model_construct(input_tokens=-5, output_tokens=10**30, usd=None)),
            "what it gave cannot be used: usage.input_tokens: Input should be greater than or equal to 0",
        ),
        (used(cast(Usage, None)), "what it gave cannot be used: usage: Input should be a valid dictionary"),
    ],
)
def test_a_seat_whose_agent_fails_loses_its_own_verdict_and_the_worker_is_paid(
    world: World, given: Callable[[], Answer], reason: str
) -> None:
    world.policy("agents: {critic: {kind: weird}}\n")
    seats = [{"name": "tests", "kind": "checks"}, {"name": "critic", "kind": "agent", "agent": "critic"}]
    world.item("one", [{"result": {"status": "ok", "usage": {"usd": 0.25}}}], contract="judged")
    world.contract("judged", produces={"patch": {"required": False}}, review={"seats": seats})
    world.commit("An item")
    with closing(Repository(world.root)) as repository:
        orchestrator = Orchestrator(repository, say_nothing, agents={**AGENTS, "weird": Weird(given)})
        with orchestrator.holding():
            tick(orchestrator)
    delivered = next(entry for entry in world.journal("one") if entry.event is Event.DELIVER)
    assert delivered.usage == PAID
    lost = {each.seat: each.lost for each in delivered.verdicts}
    assert lost["critic"].startswith(reason)
    world.command("audit")


HUGE = "r\x1b\n" * 3_000_000


def seen(name: str) -> RunOutcome:
    """A run that says one thing at great length."""
    match name:
        case "reason":
            return RunOutcome(Work(1.0, failure=Failure(FailureClass.CRASH, HUGE)))
        case "question":
            return RunOutcome(Work(1.0, result=Result(status=Status.BLOCKED, question=HUGE)))
        case "summary":
            return RunOutcome(Work(1.0, result=Result(status=Status.FAILED, summary=HUGE)))
        case "sandbox":
            return RunOutcome(Work(1.0, failure=FAILED, sandbox=HUGE))
    text = Finding(id="F1", text=HUGE, path=HUGE)
    return RunOutcome(Work(1.0, failure=Failure(FailureClass.CONTRACT, "no"), findings=(text,)))


def test_what_a_run_says_at_great_length_is_cut_before_it_is_written_down(world: World) -> None:
    names = ("reason", "question", "summary", "sandbox", "finding")
    for name in names:
        world.item(name)
    world.commit("Items")
    odd: dict[str, Given] = {name: partial(seen, name) for name in names}
    with orchestrated(world, odd) as orchestrator, orchestrator.holding():
        tick(orchestrator)
    for name in names:
        assert world.last(name).event is not Event.START, name
        assert len(world.artifacts(name)["journal.jsonl"]) < 60_000, name
    for name in ("reason", "question", "summary"):
        reason = str(world.last(name).reason)
        assert len(reason) == 4000 and reason.endswith("…") and "\x1b" not in reason, name
    assert len(str(world.last("sandbox").sandbox)) == 4000
    assert max(map(len, world.git("log", "--format=%B%x00", "main").split("\0"))) < 20_000
    assert len(world.command("status")) < 20_000
    world.command("audit")


def test_what_a_worker_and_a_check_say_is_bounded_text_by_text() -> None:
    long = "x" * 100_000
    handoff = Handoff(left_undone=(long,), issues=(Issue(text=long),), completed=(long,), deviations=(long,))
    said = (*handoff.left_undone, handoff.issues[0].text, *handoff.completed, *handoff.deviations)
    assert [len(text) for text in said] == [4000] * 4
    ran = Ran(name="tests", run=("true",), exit_code=1, seconds=1, problem=long, tail=f"{long}the end")
    assert len(ran.problem) == 4000
    assert len(ran.tail) == 16_000 and ran.tail.endswith("the end")
    assert len(ran.finding(1).text) == 8000
    seat = SeatResult("lint", long, MachineVerdict(subject="sha256:" + "0" * 64, lost=long)).checked()
    assert (len(seat.reviewer), len(seat.verdict.lost)) == (200, 4000)


@pytest.mark.parametrize(
    "work",
    [
        Work(1.0, failure=FAILED, result=Result(status=Status.OK, data="x" * 2_000_000)),
        Work(1.0, failure=FAILED, findings=(Finding(id="F1", text="x"),) * 1000),
        Work(1.0, failure=FAILED, patch=b"x" * 100_000_001),
    ],
    ids=["data", "findings", "patch"],
)
def test_an_outcome_with_more_than_anybody_can_use_is_refused(work: Work) -> None:
    with pytest.raises(MachineError, match="cannot be used"):
        RunOutcome.checked(RunOutcome(work))


class Stubborn(bytes):
    """Bytes that are no help to anybody."""

    def _refuse(self, *_: object) -> object:
        raise RuntimeError("no")

    __len__ = __getitem__ = __iter__ = __add__ = __eq__ = decode = find = rfind = splitlines = split = _refuse  # type: ignore[assignment]
    __hash__ = bytes.__hash__


def test_bytes_of_a_kind_of_their_own_are_plain_ones_once_an_outcome_is_checked() -> None:
    data = Stubborn(b"said")
    seat = SeatResult("lint", "lint", MachineVerdict(subject="sha256:" + "0" * 64), log=data)
    logs = {"checks/tests.log": data}
    work = Work(1.0, log=data, hooks=data, raw_result=data, patch=data, files={"a": data}, failure=FAILED)
    outcome = RunOutcome.checked(RunOutcome(work, Proof(logs=logs, hooks=data), Reviews(seats=(seat,))))
    checked, proof = outcome.work, outcome.proof
    assert proof is not None
    found = [checked.log, checked.hooks, checked.raw_result, checked.patch, checked.files["a"]]
    found += [proof.hooks, proof.logs["checks/tests.log"], outcome.seats[0].log]
    assert [(type(each), each) for each in found] == [(bytes, b"said")] * 8
