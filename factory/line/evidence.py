"""Evidence: checks, and what the worker claims, run by the factory on the proposal as it would be merged now."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from factory.line.proofs import Proof, Proofs
from factory.model.base import Argv, digest_of, printable
from factory.model.errors import FactoryError
from factory.model.evidence import TAIL_LINES, Evidence, Ran
from factory.model.result import Claim
from factory.store.repository.commits import Signature, add_commit
from factory.store.repository.objects import Person
from factory.store.repository.repository import Merge, Repository
from factory.work import process
from factory.work.hooks import workcell
from factory.work.mask import Mask
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


@dataclass(frozen=True)
class _Question:
    """One command to be run."""

    name: str
    argv: Argv
    criterion: str | None = None
    claimed: int | None = None
    must_fail_before: bool = False


def merged_content(repository: Repository, base: str, proposal: str, target: str) -> Merge:
    """What the target would hold with the proposal merged; without the factory's own folders."""
    objects = repository.objects
    before, now = (repository.content(objects.commit(commit).tree) for commit in (base, target))
    if before == now:
        return Merge(repository.content(objects.commit(proposal).tree), ())
    merge = repository.merge(target, proposal)
    return Merge(repository.content(merge.tree), merge.conflicts)


class Gatherer:
    """Runs every check, acceptance check and claim, each in a clean checkout."""

    def __init__(self, repository: Repository, cells: Cells) -> None:
        self._repository = repository
        self._cells = cells
        self._proofs = Proofs()

    def gather(
        self,
        order: Order,
        proposal: str,
        target: str,
        stop: threading.Event,
        alive: Alive = lambda: None,
        claims: tuple[Claim, ...] = (),
    ) -> Gathered:
        """The evidence for a proposal. Raises FactoryError when something cannot be run at all."""
        merge = merged_content(self._repository, order.base, proposal, target)
        if merge.conflicts:
            paths = tuple(printable(path) for path in merge.conflicts)
            return Gathered(Evidence(base=order.base, proposal=proposal, target=target, tree="", conflicts=paths), {})
        environment = _environment(order)
        bench = _Bench(self._repository, self._cells, self._proofs, order, environment, stop, alive)
        before = self._repository.content(self._repository.objects.commit(target).tree)
        ran: list[Ran] = []
        logs: dict[str, bytes] = {}
        for question in _questions(order, claims):
            proof = bench.prove(question, merge.tree, target)
            first = bench.prove(question, before, target) if question.must_fail_before else None
            ran.append(_answer(question, proof, first))
            logs[f"checks/{question.name}.log"] = proof.log
            if first is not None:
                logs[f"checks/{question.name}.before.log"] = first.log
        found = Evidence(
            base=order.base,
            proposal=proposal,
            target=target,
            tree=merge.tree,
            environment=environment,
            ran=tuple(ran),
        )
        return Gathered(found, logs)


@dataclass(frozen=True)
class _Bench:
    """Where the commands of one order are run."""

    repository: Repository
    cells: Cells
    proofs: Proofs
    order: Order
    environment: str
    stop: threading.Event
    alive: Alive

    def prove(self, question: _Question, tree: str, target: str) -> Proof:
        """How a command ends on a tree; what is known already is not run again."""
        key = (tree, question.argv, self.environment)
        known = self.proofs.get(key)
        if known is not None:
            return replace(known, reused=True)
        signed = Signature(_NOBODY, _NOBODY, datetime.fromtimestamp(0, UTC))
        commit = add_commit(self.repository.objects, tree, (target,), "What is to be proven.\n", signed)
        self.repository.objects.flush()
        # A clean checkout each: none sees what another one did to the files.
        with workcell(self.cells, self.order, commit, self.stop) as cell:
            proof = self._run(cell, question)
        if not self.stop.is_set() and proof.exit_code is not None:  # what was stopped may have been unlucky
            self.proofs.put(key, proof)
        return proof

    def _run(self, cell: Cell, question: _Question) -> Proof:
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
        ended = process.run(command, self.stop, self.alive)
        own = "/" in question.argv[0] or question.claimed is not None
        if ended.stopped is process.Stopped.NOT_STARTED and not own:
            # A script of the repository may be what the worker broke; a program of the machine is not.
            raise Unprovable(f"the check {question.name} cannot be run: {ended.problem}")
        log = Mask.of_environment(worker.secrets).hide_cut(command.log.read_bytes())
        return Proof(ended.exit_code, _problem(ended, limits.minutes), round(ended.seconds, 3), log)


def _questions(order: Order, claims: tuple[Claim, ...]) -> Iterator[_Question]:
    """What is to be run; a contract's argv is a template, an item's and a worker's is data."""
    variables = order.variables()
    for check in order.contract.checks:
        argv = render_argv(check.run, variables, f"checks.{check.name}")
        yield _Question(check.name, argv, must_fail_before=check.must_fail_before)
    for criterion in order.item.acceptance:
        if criterion.check is not None:
            before = criterion.must_fail_before
            yield _Question(f"acceptance/{criterion.id}", criterion.check, criterion.id, must_fail_before=before)
    for number, claim in enumerate(claims, 1):
        yield _Question(f"claims/{number}", claim.run, claimed=claim.exit_code)


def _environment(order: Order) -> str:
    """The digest of what besides the files decides how a command ends."""
    worker = order.contract.worker
    return digest_of(
        {
            "variables": {**process.scrubbed_environment(worker.env)},
            "sandbox": sandbox(order.policy.sandbox).name,
            "network": worker.sandbox.network,
            "limits": order.contract.limits.model_dump(mode="json"),
            "after_create": order.policy.hooks.after_create,
        }
    )


def _answer(question: _Question, proof: Proof, before: Proof | None) -> Ran:
    log = proof.log.decode(errors="replace")
    return Ran(
        name=question.name,
        run=question.argv,
        exit_code=proof.exit_code,
        seconds=proof.seconds,
        problem=proof.problem,
        criterion=question.criterion,
        claimed=question.claimed,
        before=before.exit_code if before else None,
        reused=proof.reused,
        tail="\n".join(log.split("\n")[-TAIL_LINES:]).strip()[-_TAIL_CHARACTERS:],
    )


def _problem(ended: process.Ended, minutes: float) -> str:
    match ended.stopped:
        case process.Stopped.WALL:
            return f"was stopped after {minutes:g} minutes"
        case process.Stopped.ASKED:
            return "was stopped because the orchestrator is stopping"
        case process.Stopped.LIMIT:
            return ended.over.reason if ended.over else "was stopped"
    return ended.problem
