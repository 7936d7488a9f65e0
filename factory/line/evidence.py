"""Evidence: the contract's checks, run by the factory on the proposal as it would be merged now."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import JsonValue

from factory.model.base import Argv, printable
from factory.model.errors import FactoryError
from factory.model.evidence import TAIL_LINES, Evidence, Ran
from factory.store.repository.commits import Signature, add_commit
from factory.store.repository.objects import Person
from factory.store.repository.repository import Merge, Repository
from factory.work import process
from factory.work.hooks import workcell
from factory.work.order import Order
from factory.work.prompt import render_argv
from factory.work.run import Alive
from factory.work.sandbox import sandbox
from factory.work.workcell import Cell, Cells

_NOBODY = Person("factory", "factory@localhost")
_TAIL_CHARACTERS = 4000


class Unprovable(FactoryError):
    """The evidence cannot be gathered, and that is not the worker's fault."""


@dataclass(frozen=True)
class Gathered:
    """Evidence, and the logs of the commands by file name."""

    evidence: Evidence
    logs: Mapping[str, bytes]


def merged_content(repository: Repository, base: str, proposal: str, target: str) -> Merge:
    """What the target would hold with the proposal merged; without the factory's own folders."""
    objects = repository.objects
    before, now = (repository.content(objects.commit(commit).tree) for commit in (base, target))
    if before == now:
        return Merge(repository.content(objects.commit(proposal).tree), ())
    merge = repository.merge(target, proposal)
    return Merge(repository.content(merge.tree), merge.conflicts)


def gather(
    order: Order,
    proposal: str,
    target: str,
    repository: Repository,
    cells: Cells,
    stop: threading.Event,
    alive: Alive = lambda: None,
) -> Gathered:
    """Run every check and acceptance check, each in a clean checkout. Raises FactoryError when one cannot be run."""
    merge = merged_content(repository, order.base, proposal, target)
    if merge.conflicts:
        paths = tuple(printable(path) for path in merge.conflicts)
        return Gathered(Evidence(base=order.base, proposal=proposal, target=target, tree="", conflicts=paths), {})
    signed = Signature(_NOBODY, _NOBODY, datetime.fromtimestamp(0, UTC))
    commit = add_commit(repository.objects, merge.tree, (target,), "The proposal, merged.\n", signed)
    repository.objects.flush()
    ran: list[Ran] = []
    logs: dict[str, bytes] = {}
    for name, criterion, argv in _commands(order):
        with workcell(cells, order, commit, stop) as cell:  # one each: none sees what another one did to the files
            outcome, log = _run_check(cell, name, criterion, argv, order, stop, alive)
        ran.append(outcome)
        logs[f"checks/{name}.log"] = log
    found = Evidence(base=order.base, proposal=proposal, target=target, tree=merge.tree, ran=tuple(ran))
    return Gathered(found, logs)


def _commands(order: Order) -> Iterator[tuple[str, str | None, Argv]]:
    """(name, criterion, argv); a contract's argv is a template, an item's is data."""
    variables: dict[str, JsonValue] = order.variables()
    for check in order.contract.checks:
        yield check.name, None, render_argv(check.run, variables, f"checks.{check.name}")
    for criterion in order.item.acceptance:
        if criterion.check is not None:
            yield f"acceptance/{criterion.id}", criterion.id, criterion.check


def _run_check(
    cell: Cell, name: str, criterion: str | None, argv: Argv, order: Order, stop: threading.Event, alive: Alive
) -> tuple[Ran, bytes]:
    limits, worker = order.contract.limits, order.contract.worker
    command = process.Command(
        argv=argv,
        env=cell.environment(worker.env),
        log=cell.place / "check.log",
        room=cell.room,
        sandbox=sandbox(order.policy.sandbox),
        limits=limits,
        network=worker.sandbox.network,
        wall_s=limits.minutes * 60,
    )
    ended = process.run(command, stop, alive)
    if ended.stopped is process.Stopped.NOT_STARTED and "/" not in argv[0]:
        # A script of the repository may be what the worker broke; a program of the machine is not.
        raise Unprovable(f"the check {name} cannot be run: {ended.problem}")
    log = command.log.read_bytes()
    ran = Ran(
        name=name,
        run=argv,
        exit_code=ended.exit_code,
        seconds=round(ended.seconds, 3),
        problem=_problem(ended, limits.minutes),
        criterion=criterion,
        tail="\n".join(log.decode(errors="replace").split("\n")[-TAIL_LINES:]).strip()[-_TAIL_CHARACTERS:],
    )
    return ran, log


def _problem(ended: process.Ended, minutes: float) -> str:
    match ended.stopped:
        case process.Stopped.WALL:
            return f"was stopped after {minutes:g} minutes"
        case process.Stopped.ASKED:
            return "was stopped because the orchestrator is stopping"
        case process.Stopped.LIMIT:
            return ended.over.reason if ended.over else "was stopped"
    return ended.problem
