"""The worker's part of a run: an agent in a cell of its own, and what it said and left, held against the contract."""

import signal
from dataclasses import replace
from pathlib import Path

from pydantic import JsonValue

from factory.execution.agents import deliverables, kept, session
from factory.execution.agents.agent import COMMAND, Answer, Task
from factory.execution.agents.frozen import frozen_places
from factory.execution.agents.prompt import render, render_argv
from factory.execution.cell import hooks
from factory.execution.cell.cell import Cell, CellNotReady
from factory.execution.cell.command import command_in
from factory.execution.control import Control
from factory.execution.host import Host
from factory.execution.outcome import Work
from factory.execution.processes.command import Command, Ended, Stopped
from factory.execution.redaction.mask import Mask
from factory.execution.request import SKILLS, RunRequest
from factory.model.errors import FactoryError, InvalidFile, TooLarge
from factory.model.failure import Failure, FailureClass, of_error, of_exit_status
from factory.model.prices import estimated
from factory.model.result import Result, Status, Usage
from factory.model.run_layout import RESULT
from factory.model.text import LONGEST_SAID, cut
from factory.store import files, yaml
from factory.store.logs import last_said
from factory.store.repository.git import GitError
from factory.store.repository.quarantine import Quarantine
from factory.store.repository.repository import Repository, branch_of
from factory.store.repository.trees import diff
from factory.store.sessions import KeptSession

_MOST_REFUSED = 5  # that are named in a journal; the log has more
_MOST_UNFINISHED = 1_000_000  # bytes of a patch that nobody has held against the contract


def work(request: RunRequest, host: Host, control: Control) -> Work:
    """Let the request's agent work in a cell. A failure of its own is a value; only a bug is an exception."""
    branch = branch_of(request.item_id)
    # A person who has the branch checked out keeps it as it is.
    shown = host.repository.view_of(branch) is not None
    try:
        with hooks.prepared_cell(host.cells, request, request.start, control, "" if shown else branch) as cell:
            log = cell.log
            if request.policy.workspace.keep:
                kept.enter(host.cells, cell, request, control)
            done = _work_in(cell, request, host, control)
        models = (request.account.model if request.account else None, done.agent.model)
        return replace(done, hooks=bytes(log), usage=estimated(done.usage, request.policy.price_of(*models)))
    except CellNotReady as error:
        return Work(hooks=bytes(error.log), failure=error.failure, stopped=control.stop.is_set())
    except (FactoryError, OSError) as error:
        return Work(failure=of_error(error, "the cell could not be used"))


def _work_in(cell: Cell, request: RunRequest, host: Host, control: Control) -> Work:
    variables = request.variables()
    prompt = whole = render(request.prompt, variables, "the prompt", liquid=request.liquid)
    taken_up = session.taken_up(request, cell, host.sessions)
    if taken_up is not None:
        prompt = session.prompt_of(request, whole, here=_begins_with_work(request, host.repository))
    argv = render_argv(request.argv, {**variables, "prompt": prompt}, "worker.run")
    hooks.run_required(cell, request, "before_run", control)
    skills = cell.give_folders("skills", {skill.name: skill.files for skill in request.skills})
    command = _frozen(_command(cell, request, argv, prompt, skills), cell, request, host.repository)
    task = replace(_task(cell, command, prompt, request, skills, taken_up), whole_prompt=whole)
    try:
        answer = host.agents[request.kind].work(task, control)
        session.keep(request, cell, answer, host.sessions)
    finally:
        hooks.run_optional(cell, request, "after_run", control)
    mask = Mask.of_environment(request.secrets)
    begun = Work(
        answer.ended.seconds,
        prompt,
        mask.hide_cut(answer.log),
        mask.hide(answer.trace),
        sandbox=mask.hide(_contained_by(command, cell, answer.ended).encode()).decode(errors="replace"),
        usage=answer.usage,
        agent=answer.agent,
        files=deliverables.files(cell.out, request.contract)[0],  # however it ended: a person will need its report
        stopped=answer.ended.stopped is Stopped.ASKED,
    )
    done = begun if begun.stopped else _ended(begun, answer, cell, request, host.repository)
    return done if done.delivers or done.patch else _with_unfinished(done, cell, request, host.repository)


def _command(cell: Cell, request: RunRequest, argv: tuple[str, ...], prompt: str, skills: tuple[Path, ...]) -> Command:
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
    }
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


def _begins_with_work(request: RunRequest, repository: Repository) -> bool:
    """Whether the cell's files are others than the target's: those of an earlier run."""
    return repository.objects.commit(request.start).tree != repository.content_at(request.base)


def _task(
    cell: Cell,
    command: Command,
    prompt: str,
    request: RunRequest,
    skills: tuple[Path, ...],
    taken_up: KeptSession | None,
) -> Task:
    worker = request.contract.worker
    agent = request.account
    return Task(
        cell,
        command,
        prompt,
        request.budget_left,
        model=agent.model if agent else None,
        url=agent.url if agent else None,
        tools=worker.tools,
        skills=skills,
        max_turns=request.policy.agent.max_turns,
        session=taken_up.session if taken_up else None,
        used_in_session=taken_up.used if taken_up else Usage(),
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


def _ended(begun: Work, answer: Answer, cell: Cell, request: RunRequest, repository: Repository) -> Work:
    """What the work amounts to: how it ended, what it says, and what it left, in this order."""
    failure = _of_ending(answer.ended, request)
    if failure is not None:
        return begun.failed(failure)
    if answer.failure is not None:
        return begun.failed(answer.failure)
    mask = Mask.of_environment(request.secrets)
    heard, problem = _heard(begun, answer, cell, mask)
    masked = "; a secret that the contract let through was taken out of it first" if heard.exposed else ""
    if problem:
        return heard.failed(Failure(FailureClass.CONTRACT, f"{RESULT}:1:1: {problem}{masked}"))
    try:
        result = _result(heard.raw_result)
    except InvalidFile as error:
        return heard.failed(Failure(FailureClass.CONTRACT, f"{error}{masked}"))
    told = result is not None and result.usage != Usage()  # else what it wrote while it ran is all there is
    said = replace(heard, result=result, usage=result.usage if result and told else begun.usage)
    code = answer.ended.exit_code
    if code and (result is None or result.status is Status.OK):
        reason = f"the worker ended with exit status {code}{last_said(begun.log)}"
        return said.failed(Failure(of_exit_status(code), reason))
    if result is not None and result.status is not Status.OK:
        return said
    return _with_last_words(_take(said, cell, request, repository), answer, mask)


def _with_unfinished(done: Work, cell: Cell, request: RunRequest, repository: Repository) -> Work:
    """With the patch of work that came to nothing, if it can be had: it was paid for all the same."""
    base = repository.content_at(request.base)
    repository.objects.flush()
    try:
        with cell.take() as taken:
            changes = tuple(diff(taken.objects, base, taken.tree))
            heavy = deliverables.too_much(changes, taken.objects)
            patch = taken.patch(base) if changes and not heavy else b""
    except (GitError, OSError, RecursionError):
        return done
    return replace(done, patch=patch) if len(patch) <= _MOST_UNFINISHED else done


def _with_last_words(done: Work, answer: Answer, mask: Mask) -> Work:
    """With what an agent said last for its summary, and what it was not allowed for why it came to nothing."""
    if done.failure is not None and done.failure.kind is FailureClass.EMPTY and answer.denials:
        denied = f"{done.failure.reason}; it was not allowed to use {', '.join(answer.denials)}"
        return done.failed(Failure(FailureClass.EMPTY, denied))
    if done.result is None or done.result.summary or not answer.message:
        return done
    summary = cut(mask.hide(answer.message.encode()).decode(errors="replace"), LONGEST_SAID)
    return replace(done, result=done.result.model_copy(update={"summary": summary}))


def _heard(begun: Work, answer: Answer, cell: Cell, mask: Mask) -> tuple[Work, str]:
    """(the work with what the worker says, why that is not to be read): nothing reads any of it before it is masked."""
    try:
        raw, problem = files.read_inside(cell.out, RESULT, yaml.MAX_BYTES), ""
    except TooLarge as error:
        raw, problem = error.beginning, error.message
    raw = answer.result if raw is None else raw
    masked = raw and mask.hide_cut(raw)
    return replace(begun, raw_result=masked and masked[: yaml.MAX_BYTES], exposed=masked != raw), problem


def _of_ending(ended: Ended, request: RunRequest) -> Failure | None:
    limits, left = request.contract.limits, request.budget_left.minutes
    match ended.stopped:
        case Stopped.WALL if left is not None and left < limits.minutes:
            reason = f"the worker was stopped after {left:g} minutes, which were left of the item's budget"
            return Failure(FailureClass.BUDGET, reason)
        case Stopped.WALL:
            return Failure(FailureClass.TIMEOUT, f"the worker was stopped after {limits.minutes:g} minutes")
        case Stopped.SILENCE:
            reason = f"the worker was stopped after {ended.silent_s:g} s without a sign of life"
            return Failure(FailureClass.STALL, reason)
        case Stopped.NOT_STARTED:
            return Failure(FailureClass.CONFIG, ended.problem)
        case Stopped.LIMIT if ended.over:
            return ended.over._replace(reason=f"the worker {ended.over.reason}")
    if ended.exit_code == -signal.SIGXFSZ:
        most = f"the {limits.disk_mb} MB that the contract allows"
        return Failure(FailureClass.CONTRACT, f"the worker was stopped: it wrote a file of more than {most}")
    if ended.exit_code is not None and ended.exit_code < 0:
        return Failure(FailureClass.CRASH, f"the worker was killed by signal {-ended.exit_code}")
    return None


def _result(raw: bytes | None) -> Result | None:
    if raw is None:
        return None
    source = yaml.Source(RESULT, raw)
    return yaml.validate(Result, yaml.parse_json(source), source)


def _take(said: Work, cell: Cell, request: RunRequest, repository: Repository) -> Work:
    """The change and the files of a worker that is content with itself, held against the contract."""
    try:
        taken = cell.take()
    except GitError as error:
        reason = f"what the worker left cannot be read by git: {error.said}"
        return said.failed(Failure(FailureClass.CRASH if error.of_machine else FailureClass.CONTRACT, reason))
    with taken:
        return _held_to_contract(said, taken, cell, request, repository)


def _held_to_contract(said: Work, taken: Quarantine, cell: Cell, request: RunRequest, repository: Repository) -> Work:
    contract = request.contract
    base = repository.content_at(request.base)
    repository.objects.flush()  # what is compared with, the quarantine must be able to see
    try:
        changes = tuple(diff(taken.objects, base, taken.tree))
    except RecursionError:
        return said.failed(Failure(FailureClass.CONTRACT, "the worker left folders nested too deep to look at"))
    found, breaches = deliverables.files(cell.out, contract)
    breaches += deliverables.data_breaches(said.result, contract)
    breaches += (heavy := deliverables.too_much(changes, taken.objects)) + list(
        deliverables.change_breaches(changes, request, taken.objects)
    )
    patch = taken.patch(base) if changes and not heavy else b""
    breaches += deliverables.line_breaches(patch, contract)
    whole = replace(said, tree=taken.tree, changes=changes, patch=patch, files=found)
    empty = _empty(whole, request, unchanged=taken.tree == repository.objects.commit(request.start).tree)
    if empty:
        return whole.failed(Failure(FailureClass.EMPTY, f"the worker ended well, but {empty}"))
    if breaches:
        return deliverables.breached(whole, breaches)
    return replace(whole, brought=taken.brought(base), result=said.result or Result(status=Status.OK))


def _empty(done: Work, request: RunRequest, *, unchanged: bool) -> str:
    """Why what was left is as good as nothing."""
    silent = done.result is None  # a worker that says why it leaves its proposal as it is did do something
    idle = unchanged and silent and not request.checked_again
    nothing = request.contract.produces.patch.required and (not done.changes or idle)
    if nothing or not (done.changes or done.files or not silent):
        return "nothing changed since the last proposal" if done.changes else "nothing was changed"
    return ""
