"""An agent: whoever does one bounded piece of work in a cell, a worker's or a machine seat's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pydantic import JsonValue

from factory.execution.agents.usage import UsageMeter
from factory.execution.cell.cell import Cell
from factory.execution.control import Control
from factory.execution.processes import process
from factory.execution.processes.command import Command, Ended, Stopped
from factory.execution.request import BudgetLeft
from factory.model.agent import AgentIdentity
from factory.model.base import Argv
from factory.model.failure import Failure
from factory.model.prices import Price
from factory.model.result import Usage
from factory.model.symphony import Codex

COMMAND = "command"


@dataclass(frozen=True)
class Task:
    """What an agent is asked to do, in a cell that is ready for it."""

    cell: Cell
    command: Command  # the argv as it is configured; the environment and the limits that hold for all kinds
    prompt: str
    budget_left: BudgetLeft
    hide: Callable[[bytes], bytes] = bytes  # takes its secrets out of what it says, before that is read, cut or told
    model: str | None = None
    url: str | None = None  # of the service that has its model, where that is not the usual one
    tools: tuple[str, ...] = ()  # that it may use, in its own words; none: those that it needs for work in a cell
    skills: tuple[Path, ...] = ()  # the folders of those that it gets
    on_write: tuple[Argv, ...] = ()  # for one that runs them itself after each file that it writes
    news: Callable[[], str] = str  # what of that fails now and was not told yet, for one that hears while it works
    max_turns: int = 20
    session: str | None = None  # to go on in: its files lie in the home again, and the prompt says what is new
    used_in_session: Usage = field(default_factory=Usage)  # before, as far as the agent counts it on
    whole_prompt: str = ""  # for one that finds that it cannot go on in that session
    item: Mapping[str, JsonValue] | None = None  # what one that can ask is shown of its own; None for a seat
    codex: Codex = field(default_factory=Codex)  # how an app-server is held
    price: Price | None = None  # of its model's tokens, for a budget to be held while it works


@dataclass(frozen=True)
class Answer:
    """How an agent ended. What it decided lies in the files of its out folder."""

    ended: Ended
    log: bytes  # what it printed, not yet masked
    usage: Usage = field(default_factory=Usage)
    agent: AgentIdentity = field(default_factory=AgentIdentity)
    message: str = ""  # the last that it said
    result: bytes | None = None  # what stands for `result.json` in what it said, where it wrote none
    failure: Failure | None = None  # that kept it from its end, as its own output tells
    denials: tuple[str, ...] = ()  # tools that it was not allowed to use
    trace: bytes = b""  # what it did, as lines of JSON with a `kind`, not yet masked
    session_files: tuple[str, ...] = ()  # below its home, files and folders: without them it cannot go on
    used_in_session: Usage = field(default_factory=Usage)  # in all, where it counts on from run to run

    @property
    def ended_well(self) -> bool:
        """Whether it came to its end, as far as it and its program say."""
        return self.ended.stopped is Stopped.NO and not self.ended.exit_code and self.failure is None


class Agent(Protocol):
    """One kind of agent. An adapter for another one is a small module with this one method."""

    def work(self, task: Task, control: Control) -> Answer:
        """Do the task to its end, a limit's or that of `control.stop`; nothing that it started is left behind."""


class CommandAgent:
    """Runs the configured argv; it gets its prompt as a file, and says in a file what it has used."""

    def work(self, task: Task, control: Control) -> Answer:
        """Run the command."""
        meter = UsageMeter(task.cell.out, task.budget_left, task.price)
        ended = process.run(task.command, control, meter)
        meter.read()
        return Answer(ended, task.command.log.read_bytes(), meter.usage)
