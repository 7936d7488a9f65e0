"""Evidence: the contract's checks, run by the factory on the proposal as it would be merged now."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import JsonValue

from factory.model.base import Argv
from factory.model.evidence import TAIL_LINES, Evidence, Ran
from factory.store.repository.commits import Signature, add_commit
from factory.store.repository.objects import Person
from factory.store.repository.repository import Merge, Repository
from factory.work import process
from factory.work.prompt import render_argv
from factory.work.run import Order
from factory.work.workcell import Cell, Cells

_NOBODY = Person("factory", "factory@localhost")


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
    order: Order, proposal: str, target: str, repository: Repository, cells: Cells, stop: threading.Event
) -> Gathered:
    """Run every check and acceptance check in a clean checkout."""
    merge = merged_content(repository, order.base, proposal, target)
    if merge.conflicts:
        found = Evidence(base=order.base, proposal=proposal, target=target, tree="", conflicts=merge.conflicts)
        return Gathered(found, {})
    signed = Signature(_NOBODY, _NOBODY, datetime.fromtimestamp(0, UTC))
    commit = add_commit(repository.objects, merge.tree, (target,), "The proposal, merged.\n", signed)
    repository.objects.flush()
    ran: list[Ran] = []
    logs: dict[str, bytes] = {}
    if commands := list(_commands(order)):
        with cells.lend(commit) as cell:
            for name, criterion, argv in commands:
                outcome, log = _run_check(cell, name, criterion, argv, order, stop)
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
    cell: Cell, name: str, criterion: str | None, argv: Argv, order: Order, stop: threading.Event
) -> tuple[Ran, bytes]:
    limits = order.contract.limits
    command = process.Command(
        argv=argv,
        cwd=cell.tree,
        env=cell.environment(order.contract.worker.env),
        log=cell.place / "check.log",
        wall_s=limits.minutes * 60,
        output_bytes=int(limits.output_mb * 1_000_000),
    )
    ended = process.run(command, stop)
    log = command.log.read_bytes()
    problem = ended.problem
    if ended.stopped is process.Stopped.WALL:
        problem = f"was stopped after {limits.minutes:g} minutes"
    elif ended.stopped is process.Stopped.ASKED:
        problem = "was stopped because the orchestrator is stopping"
    ran = Ran(
        name=name,
        run=argv,
        exit_code=ended.exit_code,
        seconds=round(ended.seconds, 3),
        problem=problem,
        criterion=criterion,
        tail="\n".join(log.decode(errors="replace").split("\n")[-TAIL_LINES:]).strip()[-4000:],
    )
    return ran, log
