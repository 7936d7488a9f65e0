"""A coding agent that is a program: its command line as data, and its output read while it works."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from factory.execution.agents.agent import Answer, Task
from factory.execution.agents.programs.heard import Heard, Parser
from factory.execution.agents.programs.limits import with_reset
from factory.execution.agents.programs.stream import Stream
from factory.execution.agents.programs.trace import Trace
from factory.execution.agents.usage import UsageMeter, over_budget
from factory.execution.cell.filesystem import Filesystem
from factory.execution.control import Control
from factory.execution.processes import process
from factory.execution.processes.command import Stopped
from factory.model.agent import AgentIdentity
from factory.model.base import Argv
from factory.model.failure import Failure
from factory.model.result import Usage


@dataclass(frozen=True)
class Program:
    """One agent's command line. Its prompt comes over its standard input: no text of others is ever in its argv."""

    argv: Callable[[Task], Argv]
    parser: Parser
    env: Callable[[Task], Mapping[str, str]]
    install: str  # how it is installed
    key: str  # the variable that brings its credentials, where nothing else is said
    tried: str  # the version that this was made for
    session_files: tuple[str, ...] = ()  # below its home: what it needs to go on with a session
    counts_on: bool = False  # whether what it says to have used counts on from run to run of a session
    library: str = ""  # the module that drives it, where that does not come with the factory
    skills: str = ""  # the folder of its home in which it looks for skills, if it does
    on_write: bool = False  # whether it runs commands after each file that it writes
    hosts: tuple[str, ...] = ()  # where its model is, if nothing else is said
    proxied: bool = False  # whether it was seen to go there by HTTPS_PROXY


class ProgramAgent:
    """Runs a program, and knows from its output what it does, what it costs and how it ended."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def work(self, task: Task, control: Control) -> Answer:
        """Run it to its end. An exit status alone is no success."""
        trace = Trace(control.system, control.output)
        stream = Stream(self._program.parser, trace.note, task.hide)
        meter = _Meter(stream, task, self._program)
        prompt = task.cell.give("prompt.stdin", task.prompt.encode())
        command = replace(
            task.command,
            argv=self._program.argv(task),
            env={**task.command.env, **self._program.env(task)},
            filesystem=self._with_skills(task),
            stdin=Path(prompt),
        )
        ended = process.run(command, replace(control, output=_read(control, stream)), meter)
        failure = stream.failure(ended.exit_code) if ended.stopped is Stopped.NO else None
        heard = stream.heard
        failure = failure and with_reset(failure, heard.reset, control.system.now())
        if failure is not None and failure != heard.failure:
            trace.broke_off(failure)
        identity = AgentIdentity(
            model=heard.model or task.model, session=heard.session or None, version=heard.version or None
        )
        return Answer(
            ended,
            command.log.read_bytes(),
            meter.usage,
            identity,
            message=heard.message,
            result=heard.result,
            failure=failure,
            denials=heard.denials,
            trace=trace.data(),
            session_files=self._program.session_files,
            used_in_session=meter.in_session,
        )

    def _with_skills(self, task: Task) -> Filesystem:
        """Where it looks for skills, it finds those of the task, and cannot change them."""
        seen = task.command.filesystem
        if not self._program.skills:
            return seen
        return replace(seen, mounted=(*seen.mounted, *task.cell.at_home(task.skills, self._program.skills)))


def _read(control: Control, stream: Stream) -> Callable[[bytes], None]:
    """Read what it prints; what it does now is told as soon as it is something else."""
    before = Heard()

    def take(output: bytes) -> None:
        nonlocal before
        stream.take(output)
        if stream.heard.step != before.step:
            control.says(stream.heard.step)
        before = stream.heard

    return take


class _Meter:
    """What it has used so far, as it prints it, or as it says in its file."""

    def __init__(self, stream: Stream, task: Task, program: Program) -> None:
        self._stream = stream
        self._task, self._counts_on = task, program.counts_on
        self._file = UsageMeter(task.cell.out, task.budget_left)
        self._left, self._price = task.budget_left, task.price

    @property
    def usage(self) -> Usage:
        self._file.read()
        heard = self._stream.heard.usage
        return heard.less(self._before) if heard != Usage() else self._file.usage

    @property
    def _before(self) -> Usage:
        """What its session had used before, as far as it goes on counting that; another session has used nothing."""
        begun = self._stream.heard.session in ("", self._task.session)
        return self._task.used_in_session if self._counts_on and begun else Usage()

    @property
    def in_session(self) -> Usage:
        """What the agent says that its session has used in all; what it had before where it says nothing."""
        heard = self._stream.heard.usage
        return heard if heard != Usage() else self._before

    def __call__(self) -> Failure | None:
        return over_budget(self._left, self.usage, self._price)
