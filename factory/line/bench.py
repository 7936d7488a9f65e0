"""The bench: where the commands of one order are run, each in a clean checkout, and none twice on the same files."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from factory.line.proofs import Proof, Recall
from factory.model.base import Argv, digest_of
from factory.model.errors import FactoryError
from factory.model.result import Claim
from factory.store.repository.batch import Signature, add_commit
from factory.store.repository.objects import Person
from factory.store.repository.repository import Repository
from factory.work import process
from factory.work.cell import Cell
from factory.work.hooks import workcell
from factory.work.mask import Mask
from factory.work.order import Order
from factory.work.outside import INSTEAD, WOULD_NOT_SEE
from factory.work.prompt import render_argv
from factory.work.run import Alive
from factory.work.sandbox import sandbox
from factory.work.workcell import Cells

_NOBODY = Person("factory", "factory@localhost")


class Unprovable(FactoryError):
    """The evidence cannot be gathered, and that is not the worker's fault."""


@dataclass(frozen=True)
class Question:
    """One command to be run."""

    name: str
    argv: Argv
    criterion: str | None = None
    claimed: int | None = None
    must_fail_before: bool = False


def questions(order: Order, claims: tuple[Claim, ...]) -> Iterator[Question]:
    """What is to be run; a contract's argv is a template, an item's and a worker's is data."""
    yield from check_questions(order)
    for criterion in order.item.acceptance:
        if criterion.check is not None:
            before = criterion.must_fail_before
            yield Question(f"acceptance/{criterion.id}", criterion.check, criterion.id, must_fail_before=before)
    for number, claim in enumerate(claims, 1):
        yield Question(f"claims/{number}", claim.run, claimed=claim.exit_code)


def check_questions(order: Order) -> Iterator[Question]:
    """The checks of the order's contract alone."""
    variables = order.variables()
    for check in order.contract.checks:
        argv = render_argv(check.run, variables, f"checks.{check.name}")
        yield Question(check.name, argv, must_fail_before=check.must_fail_before)


def environment_of(order: Order) -> str:
    """The digest of what besides the files decides how a command ends."""
    worker = order.contract.worker
    return digest_of(
        {
            "variables": {**process.scrubbed_environment(worker.env)},
            "sandbox": sandbox(order.policy.sandbox).name,
            "network": worker.sandbox.network,
            "limits": order.contract.limits.model_dump(mode="json"),
            "cell": order.cell.model_dump(mode="json"),
            "after_create": order.policy.hooks.after_create,
        }
    )


@dataclass(frozen=True)
class Bench:
    """What the commands of one order are run with."""

    repository: Repository
    cells: Cells
    proofs: Recall
    order: Order
    environment: str
    stop: threading.Event
    alive: Alive

    def prove(self, question: Question, tree: str, target: str) -> Proof:
        """How a command ends on a tree; what is known already is not run again."""
        known = self.proofs.get(tree, question.argv)
        if known is not None:
            return replace(known, reused=True)
        signed = Signature(_NOBODY, _NOBODY, datetime.fromtimestamp(0, UTC))
        commit = add_commit(self.repository.objects, tree, (target,), "What is to be proven.\n", signed)
        self.repository.objects.flush()
        # A clean checkout each: none sees what another one did to the files.
        with workcell(self.cells, self.order, commit, self.stop) as cell:
            proof = self._run(cell, question)
        if not self.stop.is_set() and proof.exit_code is not None:  # what was stopped may have been unlucky
            self.proofs.put(tree, question.argv, proof)
        return proof

    def _run(self, cell: Cell, question: Question) -> Proof:
        order, limits, worker = self.order, self.order.contract.limits, self.order.contract.worker
        command = process.Command(
            argv=question.argv,
            env=cell.environment(worker.env),
            log=cell.place / "check.log",
            room=cell.room,
            sandbox=sandbox(order.policy.sandbox),
            limits=limits,
            network=worker.sandbox.network,
            wall_s=limits.minutes * 60,
        )
        astray = cell.leads_out(question.argv, command.env)
        if astray:
            raise Unprovable(f"the check {question.name} {WOULD_NOT_SEE}: {astray}; {INSTEAD}")
        ended = process.run(command, self.stop, self.alive)
        own = "/" in question.argv[0] or question.claimed is not None
        if ended.stopped is process.Stopped.NOT_STARTED and not own:
            # A script of the repository may be what the worker broke; a program of the machine is not.
            raise Unprovable(f"the check {question.name} cannot be run: {ended.problem}")
        log = Mask.of_environment(worker.secrets).hide_cut(command.log.read_bytes())
        return Proof(ended.exit_code, _problem(ended, limits.minutes), round(ended.seconds, 3), log)


def _problem(ended: process.Ended, minutes: float) -> str:
    match ended.stopped:
        case process.Stopped.WALL:
            return f"was stopped after {minutes:g} minutes"
        case process.Stopped.ASKED:
            return "was stopped because the orchestrator is stopping"
        case process.Stopped.LIMIT:
            return ended.over.reason if ended.over else "was stopped"
    return ended.problem
