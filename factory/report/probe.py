"""The probe: every agent of WORKFLOW.md asked for one word, in a cell of its own, as it would work there."""

from collections.abc import Iterator
from dataclasses import replace
from threading import Event

from factory.execution.agents.agent import COMMAND, Answer, Task
from factory.execution.agents.ending import of_ending
from factory.execution.agents.kinds import AGENTS
from factory.execution.cell import hooks
from factory.execution.cell.cell import Cell, CellNotReady
from factory.execution.cell.command import command_in
from factory.execution.cell.pool import Cells, cells_root
from factory.execution.cell.sandbox import Kind, sandbox
from factory.execution.control import Control, unfollowed
from factory.execution.prompts.prompt import render_argv
from factory.execution.redaction.mask import Mask
from factory.execution.request import RunRequest
from factory.line.lock import locked
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.agent import Agent
from factory.model.contract import Contract, Worker
from factory.model.errors import FactoryError, StopRequested
from factory.model.failure import Failure, FailureClass, of_exit_status
from factory.model.item import Item
from factory.model.text import label
from factory.report.agent_settings import misplaced_url
from factory.report.agents import agents_of
from factory.report.diagnosis import Diagnosis, Health
from factory.store.repository.batch import plumbing_commit

_PATIENCE_S = 60.0  # for one word
_PROMPT = "Answer with the one word: ready. Use no tool, and change nothing.\n"
_NAME = "probe"  # of the contract and the item, which lie nowhere
_AGAIN = "then factory doctor --probe"
_AT_ITS_URL = (FailureClass.MODEL_NOT_FOUND, FailureClass.INVALID_REQUEST)  # what a wrong path there looks like
_MEND = {
    FailureClass.BILLING: "give its account credit",
    FailureClass.RATE_LIMIT: "wait until its account may be asked again",
    FailureClass.MODEL_NOT_FOUND: "correct its model in WORKFLOW.md",
    FailureClass.INVALID_REQUEST: "correct its model and its url in WORKFLOW.md",
    FailureClass.NETWORK: "correct its network and its url in WORKFLOW.md",
    FailureClass.TIMEOUT: "see whether its service answers, and correct its network and its url in WORKFLOW.md",
    FailureClass.CONFIG: "correct its entry in WORKFLOW.md or its installation",
    FailureClass.MAX_TURNS: "its model was reached, and used a tool in place of answering: name another, or try again",
    FailureClass.CRASH: "see whether it works by hand, in an empty home",
}


def probed(reader: SnapshotReader, snapshot: Snapshot, stop: Event) -> Iterator[Diagnosis]:
    """One diagnosis for each agent: whether it comes to its end. Raises BusyError beside an orchestrator.

    Raises UnusableError without the sandbox that the policy asks for, or without a target, and StopRequested soon
    after `stop` is set. It takes at most a minute an agent besides setups and hooks, and leaves nothing behind.
    """
    repository, policy = reader.repository, snapshot.policy
    if not policy.agents:
        yield Diagnosis("agents", Health.NOTE, "WORKFLOW.md names none, so none was tried", "see docs/agents.md")
        return
    target = repository.tip(policy.target_branch)
    contained = sandbox(policy.sandbox).kind is Kind.BUBBLEWRAP
    looked_at = agents_of(policy, [view.root for view in repository.views()], contained=contained)
    with locked(repository.state, repository.system):
        start = plumbing_commit(
            repository.objects, repository.content_at(target), (target,), "What an agent is tried in.\n"
        )
        repository.objects.flush()
        cells = Cells(repository, cells_root(repository.common_dir, policy.workspace.root))
        try:
            for (name, agent), sign in zip(sorted(policy.agents.items()), looked_at, strict=True):
                if sign.health is not Health.BAD and agent.kind == COMMAND:
                    found = f"not tried: what one of the kind {COMMAND} is asked, only its contract says"
                    sign = Diagnosis(sign.about, Health.NOTE, found)
                elif sign.health is not Health.BAD:
                    control = replace(unfollowed(repository.system), stop=stop)
                    sign = _tried(name, agent, _request(name, snapshot, target, start), cells, control)
                if stop.is_set():
                    raise StopRequested
                yield sign
        finally:
            cells.remove_all()


def _request(name: str, snapshot: Snapshot, target: str, start: str) -> RunRequest:
    """A run that nobody asked for, by this agent alone, under a contract that adds nothing to what it gets."""
    contract = Contract(purpose=_NAME, worker=Worker(agent=name))
    item = Item(title="One word")
    return RunRequest(
        _NAME, item, _NAME, contract, snapshot.policy, "", run=0, round=1, base=target, start=start, agent=name
    )


def _tried(name: str, agent: Agent, request: RunRequest, cells: Cells, control: Control) -> Diagnosis:
    """What became of one agent."""
    about, mask = f"agent {name}", Mask.of_environment(request.secrets)
    try:
        with hooks.prepared_cell(cells, request, request.start, control) as cell:
            answer = _asked(cell, agent, request, control)
    except CellNotReady as error:
        return Diagnosis(about, Health.BAD, mask.text(error.message), "factory doctor --checks quotes what it printed")
    except (FactoryError, OSError) as error:
        hint = error.hint if isinstance(error, FactoryError) else ""
        return Diagnosis(about, Health.BAD, mask.text(str(error)), hint)
    failure = _failure(answer, request)
    if failure is None:
        who = label(mask.text(" ".join(filter(None, (agent.kind, answer.agent.version, answer.agent.model)))))
        words = label(mask.text(answer.message)) or "nothing"
        return Diagnosis(about, Health.GOOD, f"{who} answered in {answer.ended.seconds:.1f} s: {words}")
    refused = answer.ended.refused
    astray = f"; it was refused {', '.join(refused)}" if refused else ""
    return Diagnosis(
        about, Health.BAD, f"{failure.kind}: {mask.text(failure.reason + astray)}", _advice(agent, failure)
    )


def _asked(cell: Cell, agent: Agent, request: RunRequest, control: Control) -> Answer:
    """Let it answer: with its own home, key, network and sandbox, and between the hooks of a run."""
    argv = render_argv(request.argv, {**request.variables(), "prompt": _PROMPT}, f"agents.{request.agent}.run")
    hooks.run_required(cell, request, "before_run", control)
    env = cell.environment(request.env, request.keys) | {"FACTORY_OUT": str(cell.out)}
    command = replace(command_in(cell, request, argv, env, "output.log"), network=request.network, wall_s=_PATIENCE_S)
    task = Task(
        cell,
        command,
        _PROMPT,
        request.budget_left,
        model=agent.model,
        url=agent.url,
        max_turns=1,
        codex=request.policy.codex,
    )
    try:
        return AGENTS[agent.kind].work(task, control)
    finally:
        hooks.run_optional(cell, request, "after_run", control)


def _failure(answer: Answer, request: RunRequest) -> Failure | None:
    """What kept it from its end; None when it came to it, whatever it said there."""
    stopped = of_ending(answer.ended, request)
    if stopped is not None:
        return stopped._replace(reason=answer.ended.why_stopped(f"{_PATIENCE_S:g} s") or stopped.reason)
    if answer.failure is not None or not answer.ended.exit_code:
        return answer.failure
    code = answer.ended.exit_code
    return Failure(of_exit_status(code), f"ended with exit status {code}")


def _advice(agent: Agent, failure: Failure) -> str:
    """What to do about it, and the command to see whether that helped."""
    if failure.kind is FailureClass.AUTH:
        key = next(iter(agent.keys.values()), "")
        mend = f"export {key}=… with a key that counts" if key else "name its key as `secrets` in WORKFLOW.md"
    elif agent.url and failure.kind in _AT_ITS_URL:
        wrong = misplaced_url(agent)
        mend = f"correct its url, {agent.url}{f' ({wrong})' if wrong else ', or its model'}, in WORKFLOW.md"
    else:
        mend = _MEND.get(failure.kind, "wait a little")
    return f"{mend}, {_AGAIN}"
