"""The worker's part of a run: an agent in a cell of its own, with all that it gets there."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from pydantic import JsonValue

from factory.execution.agents import deliverables, session, workspaces
from factory.execution.agents.agent import COMMAND, Answer, Task
from factory.execution.agents.ending import amounts_to, take, with_unfinished
from factory.execution.agents.frozen import frozen_places
from factory.execution.agents.on_write.commands import Commands
from factory.execution.agents.on_write.last_look import LastLook, last_look
from factory.execution.agents.on_write.prompt import VARIABLE, is_watched
from factory.execution.agents.on_write.watching import FILE, Watching
from factory.execution.cell import hooks
from factory.execution.cell.cell import Cell, CellNotReady
from factory.execution.cell.command import command_in
from factory.execution.control import Control
from factory.execution.host import Host
from factory.execution.outcome import Work
from factory.execution.processes.command import Command, Ended, Stopped
from factory.execution.prompts.prompt import render_argv
from factory.execution.redaction.mask import Mask
from factory.execution.request import SKILLS, RunRequest
from factory.model.errors import FactoryError
from factory.model.failure import of_error
from factory.model.prices import estimated
from factory.model.trace_context import VARIABLE as TRACEPARENT
from factory.model.trace_context import WORKER
from factory.store import files
from factory.store.repository.repository import Repository, branch_of

Way = Callable[[RunRequest, Host, Control], Work]
_MOST_REFUSED = 5  # that are named in a journal; the log has more


def work(request: RunRequest, host: Host, control: Control, how: Way) -> Work:
    """Let the request's agent work in some way. A failure of its own is a value; only a bug is an exception."""
    try:
        done = how(request, host, control)
        models = (request.account.model if request.account else None, done.agent.model)
        return replace(done, usage=estimated(done.usage, request.policy.price_of(*models)))
    except CellNotReady as error:
        return Work(hooks=bytes(error.log), failure=error.failure, stopped=control.stop.is_set())
    except (FactoryError, OSError) as error:
        return Work(failure=of_error(error, "the cell could not be used"))


def make(request: RunRequest, host: Host, control: Control) -> Work:
    """Let the request's agent change the files of a cell. Raises CellNotReady, FactoryError, OSError."""
    branch = branch_of(request.item_id)
    # A person who has the branch checked out keeps it as it is.
    shown = host.repository.view_of(branch) is not None
    with hooks.prepared_cell(host.cells, request, request.start, control, "" if shown else branch) as cell:
        log = cell.log
        if request.policy.workspace.keep:
            workspaces.enter(host.cells, cell, request, control)
        done = _work_in(cell, request, host, control)
    return replace(done, hooks=bytes(log))


def _work_in(cell: Cell, request: RunRequest, host: Host, control: Control) -> Work:
    prompt = whole = session.whole_prompt(request)
    taken_up = session.taken_up(request, cell, host.sessions)
    if taken_up is not None:
        prompt = session.prompt_of(request, whole)
    argv = render_argv(request.argv, {**request.variables(), "prompt": prompt}, "worker.run")
    hooks.run_required(cell, request, "before_run", control)
    skills = cell.give_folders("skills", {skill.name: skill.files for skill in request.skills})
    command = _frozen(command_of(cell, request, argv, prompt, skills), cell, request, host.repository)
    task = replace(task_of(cell, command, prompt, request, skills), whole_prompt=whole)
    if taken_up is not None:
        task = replace(task, session=taken_up.session, used_in_session=taken_up.used)
    hide = Mask.of_environment(request.secrets).hide_cut
    on_write = Commands(request.contract.worker.on_write, command, hide, control)
    try:
        answer = _answer(task, on_write, request, host, control)
        session.keep(request, cell, answer, host.sessions)
        looked = last_look(on_write, cell, request, host.repository, control) if answer.ended_well else LastLook()
    finally:
        hooks.run_optional(cell, request, "after_run", control)
    begun = begun_of(task, answer, request)
    held = partial(take, host.repository)
    done = begun if begun.stopped else looked.upon(amounts_to(begun, answer, cell, request, held))
    return done if done.delivers or done.patch else with_unfinished(done, cell, request, host.repository)


def begun_of(task: Task, answer: Answer, request: RunRequest) -> Work:
    """What is known of a task once its agent has ended, whatever it has come to."""
    cell, mask = task.cell, Mask.of_environment(request.secrets)
    return Work(
        answer.ended.seconds,
        task.prompt,
        mask.hide_cut(answer.log),
        mask.hide(answer.trace),
        sandbox=mask.hide(_contained_by(task.command, cell, answer.ended).encode()).decode(errors="replace"),
        usage=answer.usage,
        agent=answer.agent,
        files=deliverables.files(cell.out, request.contract)[0],  # however it ended: a person will need its report
        stopped=answer.ended.stopped is Stopped.ASKED,
    )


def _answer(task: Task, on_write: Commands, request: RunRequest, host: Host, control: Control) -> Answer:
    """Let the agent work, its worktree followed where that is to be."""
    agent = host.agents[request.kind]
    if not is_watched(request):
        return agent.work(task, control)
    watching = Watching(task.cell, on_write, control)
    with watching.going_on():
        return agent.work(replace(task, news=watching.news), control)


def command_of(
    cell: Cell, request: RunRequest, argv: tuple[str, ...], prompt: str, skills: tuple[Path, ...]
) -> Command:
    """The command of a request's agent in a cell, with all that it is given there."""
    limits = request.contract.limits
    variables = request.variables()
    env = cell.environment(request.env, request.keys) | {
        "FACTORY_ITEM": cell.give("item.json", files.as_json(variables["item"])),
        "FACTORY_PROMPT": cell.give("prompt.md", prompt.encode()),
        "FACTORY_FINDINGS": cell.give("findings.json", files.as_json(variables["findings"])),
        "FACTORY_EARLIER": cell.give("earlier.json", files.as_json(variables["earlier"])),
        "FACTORY_OUT": str(cell.out),
        "FACTORY_RUN": str(request.run),
        "FACTORY_ROUND": str(request.round),
        "FACTORY_BASE": request.base,
        TRACEPARENT: request.traceparent(WORKER),
    }
    if is_watched(request):
        env[VARIABLE] = cell.give(FILE, b"")
    if skills:
        env[SKILLS] = str(skills[0].parent)
    return replace(
        command_in(cell, request, argv, env, "output.log"),
        # What is kept of an agent's session is of one folder, and each cell lies in another.
        filesystem=replace(cell.filesystem, in_checkout=request.kind != COMMAND),
        network=request.network,
        wall_s=min(limits.minutes, request.budget_left.minutes or limits.minutes) * 60,
        silence_s=request.policy.silence_s(limits),
        startup_s=limits.startup_minutes * 60 if limits.startup_minutes else None,
    )


def _frozen(command: Command, cell: Cell, request: RunRequest, repository: Repository) -> Command:
    """A command for which what the contract freezes can only be read."""
    patterns = request.contract.worker.frozen
    if not patterns:
        return command
    objects = repository.objects
    places = frozen_places(objects, objects.commit(request.start).tree, patterns, cell.tree)
    return replace(command, filesystem=replace(command.filesystem, frozen=places))


def task_of(cell: Cell, command: Command, prompt: str, request: RunRequest, skills: tuple[Path, ...]) -> Task:
    """What a request's agent is asked to do in a cell, in no session."""
    worker = request.contract.worker
    agent = request.account
    return Task(
        cell,
        command,
        prompt,
        request.budget_left,
        hide=Mask.of_environment(request.secrets).hide,
        model=agent.model if agent else None,
        url=agent.url if agent else None,
        tools=worker.tools,
        skills=skills,
        on_write=worker.on_write,
        max_turns=request.policy.agent.max_turns,
        item=_shown(request),
        codex=request.policy.codex,
        price=request.policy.price_of(agent.model if agent else None),
    )


def _shown(request: RunRequest) -> dict[str, JsonValue]:
    """What an agent that asks is shown of its own item."""
    variables = request.variables()
    rest: dict[str, JsonValue] = {name: variables[name] for name in ("round", "attempt", "findings", "earlier")}
    return {"id": request.item_id, **request.item.model_dump(mode="json"), **rest}


def _contained_by(command: Command, cell: Cell, ended: Ended) -> str:
    """What contained the worker, what was missing, and which of the network it could and wanted to reach."""
    astray = cell.leads_out(command.argv, command.env)
    listed = () if isinstance(command.network, bool) else command.network
    unheld = "only bubblewrap can hold its list of hosts" if listed and not command.hosts else ""
    missing = "; ".join(filter(None, (command.sandbox.missing, unheld, astray)))
    contained = f"{command.sandbox.name} ({missing})" if missing else command.sandbox.name
    reach = f"; network: {', '.join(command.hosts)}" if command.hosts else ""
    return f"{contained}{reach}" + "".join(f"; refused {what}" for what in ended.refused[:_MOST_REFUSED])
