"""A run on its own: what goes in and what comes out can leave the process, and every stretch of it has its time."""

from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import pytest

from factory.execution.agents.agent import Answer, Task
from factory.execution.agents.kinds import AGENTS
from factory.execution.cell.pool import Cells
from factory.execution.control import Control, PhaseLog
from factory.execution.host import Host
from factory.execution.local import LocalExecutor
from factory.execution.outcome import Proof, Reviews, RunOutcome, SeatResult, Work
from factory.execution.request import BudgetLeft, RunRequest
from factory.line.orchestrator import Orchestrator
from factory.line.tick import tick
from factory.model.agent import AgentIdentity
from factory.model.contract import Contract
from factory.model.failure import Failure, FailureClass
from factory.model.item import Item
from factory.model.journal import Phase
from factory.model.lifecycle import Event
from factory.model.policy import Policy
from factory.model.result import Usage
from factory.model.verdict import Finding, MachineVerdict
from factory.store.repository.repository import Repository
from tests.world import StandingStill, World, say_nothing

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SUBJECT = "sha256:" + "0" * 64


def request() -> RunRequest:
    contract = Contract.model_validate_json(
        '{"purpose": "p", "worker": {"run": ["true"]}, "checks": [{"name": "tests", "run": ["true"]}]}'
    )
    return RunRequest(
        "one", Item(title="Do it"), "scripted", contract, Policy(), "{{ item.title }}",
        run=2, round=1, base="a" * 40, start="b" * 40,
        findings=(Finding(id="F1", severity="major", text="wrong", path="a.py", line=3),),
        earlier=({"key": "tests/F1", "open": True},),
        claimed_at=NOON, blocked_by=(("two", "done"),),
        budget_left=BudgetLeft(usd=-0.5, tokens=7), contract_source=b"\xff\x00: not text",
    )  # fmt: skip


def test_a_request_is_the_same_after_a_way_through_json() -> None:
    asked = request()
    assert RunRequest.from_json(asked.to_json()) == asked


def test_an_outcome_is_the_same_after_a_way_through_json() -> None:
    seat = SeatResult("lint", "lint (command)", MachineVerdict(subject=SUBJECT), b"\xfe", 1.5, Usage(usd=0.25))
    work = Work(
        1.5, "do it", b"\x00\xff", brought={"c" * 40: ("blob", b"\xff")}, files={"report.md": b"# \xff"},
        agent=AgentIdentity(model="m-1", session="s", version="2"),
    )  # fmt: skip
    failure = Failure(FailureClass.EVIDENCE, "it does not hold")
    reviews = Reviews(SUBJECT, (seat,))
    came_to = RunOutcome(
        work, Proof("d" * 40, failure=failure), reviews, phases=(Phase(name="worker", at=NOON, seconds=1.5),)
    )
    assert RunOutcome.from_json(came_to.to_json()) == came_to
    assert RunOutcome.from_json(came_to.to_json()).failure == failure
    assert seat.signed().reviewer == "lint (command)"


def test_each_phase_has_its_start_and_its_length_also_when_it_ends_in_an_error() -> None:
    phases = PhaseLog(StandingStill(NOON))
    with phases.timed("worker"):
        pass
    with pytest.raises(ZeroDivisionError), phases.timed("check tests"):
        raise ZeroDivisionError
    assert [(phase.name, phase.at) for phase in phases.ended()] == [("worker", NOON), ("check tests", NOON)]


class Listening:
    """An agent that hands on what the command prints, as somebody who watches gets it."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def work(self, task: Task, control: Control) -> Answer:
        followed = replace(control, output=self.heard.append)
        return AGENTS["command"].work(task, followed)


def test_output_is_handed_on_as_it_comes(world: World) -> None:
    listening = Listening()
    world.item("one", [{"say": "first"}, {"sleep": 0.5}, {"say": "second"}, {"write": {"path": "a.txt", "text": "a"}}])
    repository = Repository(world.root)
    orchestrator = Orchestrator(repository, lambda *_: None, agents={"command": listening})
    with orchestrator.holding():
        tick(orchestrator)
    repository.close()
    assert len(listening.heard) > 1
    assert b"".join(listening.heard) == b"first\nsecond\n"


class Followed:
    """An executor that notes the signs of life of its runs, and what is handed on of their output."""

    kinds = ("command",)

    def __init__(self, host: Host) -> None:
        self._local = LocalExecutor(host)
        self.shutdown = self._local.shutdown
        self.beats: list[None] = []
        self.heard: list[bytes] = []

    def submit(self, request: RunRequest, control: Control) -> "Future[RunOutcome]":
        followed = replace(control, alive=lambda: self.beats.append(None), output=self.heard.append)
        return self._local.submit(request, followed)


TALKS = "mkdir lib; touch lib/a; echo first; sleep 0.3; echo second"


@pytest.mark.parametrize(
    "policy",
    [
        f"hooks: {{after_create: '{TALKS}'}}",
        f"cell: {{shares: [lib], setup: {{run: [sh, -c, '{TALKS}'], locks: [lock]}}}}",
    ],
    ids=["hook", "setup"],
)
def test_what_a_hook_or_a_setup_prints_is_a_sign_of_life_and_no_output_of_an_agent(world: World, policy: str) -> None:
    world.write("lock", "1")
    world.policy(policy)
    world.item("one")  # whose worker prints nothing
    world.commit("An item")
    with closing(Repository(world.root)) as repository:
        cells = Cells(repository, world.root.parent / "cells")
        executor = Followed(Host.of(repository, cells))
        with (orchestrator := Orchestrator(repository, say_nothing, executor=executor)).holding():
            tick(orchestrator)
        cells.remove_all()
    assert world.lane("one") == "done"
    assert len(executor.beats) >= 2
    assert executor.heard == []


class Unreliable:
    """An executor that loses one run: by cancelling it, or by what is no outcome."""

    kinds = ("command",)

    def __init__(self, host: Host, *, cancels: bool) -> None:
        self._local, self._cancels = LocalExecutor(host), cancels
        self.shutdown = self._local.shutdown

    def submit(self, request: RunRequest, control: Control) -> "Future[RunOutcome]":
        if request.item_id != "lost":
            return self._local.submit(request, control)
        future: Future[RunOutcome] = Future()
        if self._cancels:
            future.cancel()
        else:
            cast(Future[object], future).set_result(None)
        return future


@pytest.mark.parametrize("cancels", [True, False])
def test_a_run_that_an_executor_loses_is_a_crash_of_its_own_and_costs_nobody_else(world: World, cancels: bool) -> None:
    world.item("lost")
    world.item("other")
    world.commit("Two items")
    with closing(Repository(world.root)) as repository:
        cells = Cells(repository, world.root.parent / "cells")
        executor = Unreliable(Host.of(repository, cells), cancels=cancels)
        orchestrator = Orchestrator(repository, say_nothing, executor=executor)
        with orchestrator.holding():
            tick(orchestrator)
        cells.remove_all()
    last = world.last("lost")
    assert (last.event, last.failure, last.attempt) == (Event.RELEASE, FailureClass.CRASH, 1)
    assert "its result was lost" in str(last.reason)
    assert world.lane("other") == "done"
