"""The commands of `on_write`: run as the worker itself is, and what those print that fail."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from factory.execution.control import Control, Signal
from factory.execution.processes import process
from factory.execution.processes.command import Command, Stopped
from factory.model.base import Argv
from factory.model.text import printable, without_colours

LONGEST_S = 60.0  # that one of them takes
_MOST_TOLD = 4000  # bytes of what one prints; a long text would fill a model
_LOG = "on-write.log"


@dataclass(frozen=True)
class Failed:
    """A command that failed: how it ended, and the end of what it printed, without secrets."""

    run: Argv
    how: str
    said: str
    missing: bool = False  # whether there is no such program on this machine; a script of the worktree's is none

    @property
    def called(self) -> str:
        """The command as people write it."""
        return shlex.join(self.run)

    @property
    def told(self) -> str:
        """All of that, as the worker is told it."""
        return f"$ {self.called}\n{self.said.rstrip()}\n[{self.how}]\n"


class Commands:
    """The commands of one contract, in one worker's cell, with its environment, its network and its sandbox."""

    def __init__(self, argvs: Sequence[Argv], like: Command, hide: Callable[[bytes], bytes], control: Control) -> None:
        self._argvs = argvs
        self._like = like
        self._hide = hide
        self._control = control.unheard()

    def run(self, stop: Signal, begins: Callable[[str], None] = lambda _: None) -> tuple[Failed, ...]:
        """Run each, whatever became of those before it; those that failed, as far as it was not asked to stop."""
        found: list[Failed] = []
        for argv in self._argvs:
            begins(shlex.join(argv))
            failed = self._one(argv, stop)
            if stop.is_set():
                break
            found += [failed] if failed else []
        return tuple(found)

    def _one(self, argv: Argv, stop: Signal) -> Failed | None:
        log = self._like.log.with_name(_LOG)
        command = replace(self._like, argv=argv, log=log, wall_s=LONGEST_S, silence_s=None, startup_s=None)
        ended = process.run(command, self._control, stop=stop)
        problem = ended.problem_in_words(f"{LONGEST_S:g} s")
        if not problem:
            return None
        said = self._hide(log.read_bytes())[-_MOST_TOLD:].decode(errors="replace")
        missing = ended.stopped is Stopped.NOT_STARTED and "/" not in argv[0]
        return Failed(argv, problem, printable(without_colours(said)), missing)
