"""The command of a process, and how a process ended: the values that `process.run` takes and gives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from factory.execution.cell.filesystem import Filesystem
from factory.execution.cell.sandbox import Kind, Sandbox
from factory.execution.services.instance import Instance
from factory.model.contract import Limits
from factory.model.failure import Failure
from factory.model.network import Network


class Dialogue(Protocol):
    """Whoever talks with a process: over its standard input, as its output comes."""

    def opening(self) -> bytes:
        """What it is told first."""

    def answer(self, output: bytes) -> bytes | None:
        """What it is told next, if anything; None ends its standard input. Output comes in pieces of any length."""


class Stopped(StrEnum):
    """Why a process was stopped before it ended."""

    NO = ""
    WALL = "wall"
    SILENCE = "silence"
    ASKED = "asked"
    LIMIT = "limit"
    NOT_STARTED = "not started"


@dataclass(frozen=True)
class Command:
    """What to run, where, and how long it may take. Seconds and bytes."""

    argv: Sequence[str]
    env: Mapping[str, str]
    log: Path
    filesystem: Filesystem
    sandbox: Sandbox
    limits: Limits
    wall_s: float
    network: Network = False
    silence_s: float | None = None
    startup_s: float | None = None  # until the first sign of life; else as silence_s
    stdin: Path | None = None
    dialogue: Dialogue | None = None  # instead of a file
    farewell: Callable[[], bytes] | None = None  # what it is told there when it is to be stopped, if anything
    errors: Path | None = None  # where its standard error goes; None: into the log as well
    instance: Instance | None = None  # the services that are started before it, and end with it
    once: bool = False  # whether it must not be begun again, not even when the sandbox seems not to have let it begin

    @property
    def filesystems(self) -> tuple[Filesystem, ...]:
        """Where it and what is started with it can write."""
        return (self.filesystem, self.instance.filesystem) if self.instance else (self.filesystem,)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that alone it can reach; none where its network is all or nothing, or nothing can hold it."""
        listed = () if isinstance(self.network, bool) else self.network
        return listed if self.sandbox.kind is Kind.BUBBLEWRAP else ()


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    exit_code: int | None  # None: it was stopped, or never started; below 0: killed by that signal
    stopped: Stopped
    seconds: float
    problem: str = ""
    over: Failure | None = None  # the limit for which it was stopped; its reason goes on from the process's name
    silent_s: float = 0.0  # how long it had given no sign of life
    began: bool = True  # False: the sandbox itself could not be put up
    refused: tuple[str, ...] = ()  # what it asked the network for and did not get

    def why_stopped(self, patience: str) -> str:
        """Why it was stopped or never started, as the rest of a sentence that begins with the command's name.

        Empty when it ended by itself. `patience` says in words how long it was allowed to take.
        """
        match self.stopped:
            case Stopped.NO:
                return ""
            case Stopped.WALL:
                return f"was stopped after {patience}"
            case Stopped.SILENCE:
                return f"was stopped after {self.silent_s:g} s without a sign of life"
            case Stopped.ASKED:
                return "was stopped because the orchestrator is stopping"
            case Stopped.LIMIT:
                return self.over.reason if self.over else "was stopped"
            case Stopped.NOT_STARTED:
                return self.problem

    def problem_in_words(self, patience: str) -> str:
        """What went wrong with a command that has to succeed, said in the same way; empty when it ended well."""
        return self.why_stopped(patience) or (f"ended with exit status {self.exit_code}" if self.exit_code else "")
