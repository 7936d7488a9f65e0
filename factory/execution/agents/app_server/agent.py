"""The agent of the kind `codex-app-server`: the command of WORKFLOW.md's `codex.command`, talked with."""

from dataclasses import replace
from pathlib import Path

from pydantic import JsonValue

from factory.execution.agents.agent import Answer, Task
from factory.execution.agents.app_server.requests import KEY, Settings
from factory.execution.agents.app_server.talk import Beside, Talk
from factory.execution.agents.programs.codex import CODEX
from factory.execution.agents.programs.limits import with_reset
from factory.execution.agents.programs.trace import Trace
from factory.execution.agents.usage import over_budget
from factory.execution.cell.sandbox import Kind
from factory.execution.control import Control
from factory.execution.processes import process
from factory.execution.processes.command import Command, Ended, Stopped
from factory.model.agent import AgentIdentity
from factory.model.base import Argv
from factory.model.errors import TooLarge
from factory.model.failure import Failure
from factory.model.run_layout import RESULT
from factory.store.files import read_inside

_MOST_ERRORS = 64_000  # bytes of its standard error that are kept
_APART = b"\n[what it printed on its standard error]\n"
_SESSION_FILES = (".codex/sessions",)  # below its home; what it has used in a thread it knows from there itself
_OPEN = "danger-full-access"  # its own sandbox does nothing within ours, and ends well all the same


class AppServerAgent:
    """Talks with an app-server until the item is delivered, a question is asked, or something goes wrong."""

    def work(self, task: Task, control: Control) -> Answer:
        """Hold the conversation to its end. Only a turn that it calls completed is one."""
        errors = task.cell.place / "errors.log"
        errors.write_bytes(b"")
        result = task.cell.out / RESULT
        trace = Trace(control.system, control.output)
        beside = Beside(result.is_file, task.hide, task.news)
        talk = Talk(_settings(task), task.codex, beside, control, trace)

        def watch() -> Failure | None:
            return over_budget(task.budget_left, talk.state.heard.usage, task.price) or talk.overdue()

        ended = _seen(process.run(_command(task, talk, errors), control.unheard(), watch), talk)
        answer = _answer(task, talk, ended, errors)
        failure = answer.failure and with_reset(answer.failure, "", control.system.now())
        if failure is not None and failure != talk.state.heard.failure:
            trace.broke_off(failure)
        return replace(answer, failure=failure, trace=trace.data())


def _command(task: Task, talk: Talk, errors: Path) -> Command:
    argv = _argv(task.codex.command, task.command.env["PATH"])
    seen = task.command.filesystem
    seen = replace(seen, mounted=(*seen.mounted, *task.cell.at_home(task.skills, CODEX.skills)))
    return replace(task.command, argv=argv, filesystem=seen, dialogue=talk, farewell=talk.farewell, errors=errors)


def _argv(line: str, path: str) -> Argv:
    """The shell line as its owner wrote it. A login shell may have forgotten the PATH: it is given once more."""
    return ("bash", "-lc", f'export PATH="$1:$PATH"; shift\n{line}', "codex.command", path)


def _seen(ended: Ended, talk: Talk) -> Ended:
    """How it ended. Once all was said, neither its exit status nor how long it stayed tells anything."""
    by_itself = talk.state.parting and ended.stopped is Stopped.NO
    if by_itself or (talk.lingered and ended.stopped is Stopped.LIMIT):
        return replace(ended, stopped=Stopped.NO, exit_code=0, over=None)
    return ended


def _answer(task: Task, talk: Talk, ended: Ended, errors: Path) -> Answer:
    heard, told = talk.state.heard, talk.state.told
    besides = _read(errors)
    words = task.hide(besides).decode(errors="replace")
    failed = ended.stopped is Stopped.NO and not talk.state.interrupted
    spoken = heard.result
    return Answer(
        ended,
        task.command.log.read_bytes() + (_APART + besides if besides.strip() else b""),
        heard.usage,
        AgentIdentity(model=heard.model or task.model, session=heard.session or None, version=heard.version or None),
        message=heard.message,
        result=told.result() if told.final or spoken is None else spoken,
        failure=talk.failure(ended.exit_code, words) if failed else None,
        denials=heard.denials,
        session_files=_SESSION_FILES,
    )


def _read(errors: Path) -> bytes:
    try:
        return read_inside(errors.parent, errors.name, _MOST_ERRORS) or b""
    except TooLarge as error:
        return error.beginning


def _settings(task: Task) -> Settings:
    """What the owner says counts where no sandbox of ours contains the agent; within one, its own would only break."""
    codex, contained = task.codex, task.command.sandbox.kind is Kind.BUBBLEWRAP
    outside: JsonValue = {
        "type": "externalSandbox",
        "networkAccess": "enabled" if task.command.network else "restricted",
    }
    policy = None if contained else codex.turn_sandbox_policy
    sandbox = None if contained else codex.thread_sandbox
    item = task.item or {}
    return Settings(
        prompt=task.prompt,
        folder=str(task.command.filesystem.folder if contained else task.command.filesystem.folder_on_disk),
        name=f"{item.get('id', 'review')}: {item.get('title', '')}"[:200],
        approval="never" if codex.approval_policy is None else codex.approval_policy,
        sandbox=_OPEN if sandbox is None else sandbox,
        sandbox_policy=(outside if sandbox is None else None) if policy is None else policy,
        max_turns=task.max_turns,
        item=task.item,
        model=task.model,
        url=task.url,
        key=task.command.env.get(KEY),
        session=task.session,
        whole_prompt=task.whole_prompt or task.prompt,
    )
