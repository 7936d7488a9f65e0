"""A run on its own: what goes in and what comes out can leave the process, and every stretch of it has its time."""

from datetime import UTC, datetime

import pytest

from factory.execution.agents.agent import AGENTS, Answer, Task
from factory.execution.control import Control, PhaseLog
from factory.execution.outcome import Proof, Reviews, RunOutcome, SeatResult, Work
from factory.execution.request import BudgetLeft, RunRequest
from factory.line.orchestrator import Orchestrator
from factory.line.tick import tick
from factory.model.agent import AgentIdentity
from factory.model.contract import Contract
from factory.model.failure import Failure, FailureClass
from factory.model.item import Item
from factory.model.journal import Phase
from factory.model.policy import Policy
from factory.model.result import Usage
from factory.model.verdict import Finding, MachineVerdict
from factory.store.repository.repository import Repository
from tests.world import StandingStill, World

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
        followed = Control(control.stop, control.alive, control.says, self.heard.append, control.phases)
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
