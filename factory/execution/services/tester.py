"""The tester's part of a run: an agent that meets the running product, and says what it found of each assertion."""

from dataclasses import replace

from factory.execution.agents import deliverables
from factory.execution.agents.ending import amounts_to
from factory.execution.agents.worker import begun_of, command_of, task_of
from factory.execution.cell.cell import Cell
from factory.execution.control import Control
from factory.execution.host import Host
from factory.execution.outcome import Work
from factory.execution.processes.command import Command
from factory.execution.prompts.prompt import render, render_argv
from factory.execution.request import RunRequest
from factory.execution.services.evidence import evidence_files, report_breaches
from factory.execution.services.trial import Trial, failed_by, prepared
from factory.store import files

_MOST_TRIES = 3  # with ports of their own for the services
SERVICES = "FACTORY_SERVICES"  # the variable that names the file in which the services' addresses are


def try_out(request: RunRequest, host: Host, control: Control) -> Work:
    """Let the request's agent try the services of its mission. Raises CellNotReady, FactoryError, OSError.

    A port is a service's own only once it listens: where another program is quicker, all is begun again.
    """
    for tries_left in reversed(range(_MOST_TRIES)):
        with prepared(request, host.cells, control) as trial:
            done = replace(_tried(trial, request, host, control), hooks=bytes(trial.log))
            ending = trial.ending()
        if ending is None or not ending.taken or done.stopped or not tries_left:
            break
    return done


def _tried(trial: Trial, request: RunRequest, host: Host, control: Control) -> Work:
    if trial.unstartable:
        return failed_by(trial.unstartable, Work(sandbox=trial.boundary.name), request)
    variables = {**request.variables(), "services": trial.addresses}
    prompt = render(request.prompt, variables, "the prompt", liquid=request.liquid)
    argv = render_argv(request.argv, {**variables, "prompt": prompt}, "worker.run")
    skills = trial.cell.give_folders("skills", {skill.name: skill.files for skill in request.skills})
    command = _command(trial, command_of(trial.cell, request, argv, prompt, skills))
    task = task_of(trial.cell, command, prompt, request, skills)
    answer = host.agents[request.kind].work(task, control)
    begun = begun_of(task, answer, request)
    left, _ = evidence_files(trial.cell.out)
    begun = replace(begun, files={**begun.files, **left}, services=trial.printed())
    ending = trial.ending()
    if begun.stopped:
        return begun
    return failed_by(ending, begun, request) if ending else amounts_to(begun, answer, trial.cell, request, _held)


def _command(trial: Trial, command: Command) -> Command:
    """The tester's command, which is told where the services are, and has them beside it."""
    told = trial.cell.give("services.json", files.as_json(trial.addresses))
    return trial.around(replace(command, env={**command.env, SERVICES: told}))


def _held(said: Work, cell: Cell, request: RunRequest) -> Work:
    """What a tester left that is content with itself, held against what it was asked."""
    wanted, breaches = deliverables.files(cell.out, request.contract)
    evidence, more = evidence_files(cell.out)
    breaches += [*deliverables.data_breaches(said.result, request.contract), *more]
    breaches += report_breaches(request.item, said.result, evidence)
    whole = replace(said, files={**wanted, **evidence})
    return deliverables.breached(whole, breaches) if breaches else whole
