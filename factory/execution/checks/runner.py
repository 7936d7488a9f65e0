"""Check runs: the commands of one request, each in a clean checkout, and none twice on the same files."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from factory.execution.cell.cell import Cell
from factory.execution.cell.command import command_in
from factory.execution.cell.hooks import prepared_cell
from factory.execution.cell.leaks import INSTEAD, WOULD_NOT_SEE
from factory.execution.cell.pool import Cells
from factory.execution.checks.cache import Asker, GatheringCache, ReusableResults
from factory.execution.checks.in_flight import CheckResult
from factory.execution.checks.sampling import Sampler
from factory.execution.control import Control, Slots
from factory.execution.processes import process
from factory.execution.processes.command import Stopped
from factory.execution.prompts.prompt import render_argv
from factory.execution.redaction.mask import Mask
from factory.execution.request import RunRequest
from factory.model.base import Argv
from factory.model.contract import CheckWhen
from factory.model.errors import FactoryError
from factory.model.evidence import TAIL_LINES, BeforeWork, Ran
from factory.model.item import Criterion
from factory.model.result import Claim
from factory.model.run_layout import check_log
from factory.store.repository.batch import plumbing_commit
from factory.store.repository.repository import Repository

_TAIL_CHARACTERS = 4000


class CheckNotRunnable(FactoryError):
    """The evidence cannot be gathered, and that is not the worker's fault."""


@dataclass(frozen=True)
class CheckCall:
    """One command to be run."""

    name: str
    argv: Argv
    criterion: str | None = None
    claimed: int | None = None
    must_fail_before: bool = False
    before_work: BeforeWork | None = None  # of an assertion, which is only to hold some day
    reusable: bool = False  # whether its result may be that of another run, and another one's be this
    canary: bool = False  # whether it is run without the product


def delivery_calls(
    request: RunRequest, claims: tuple[Claim, ...], pending: Collection[str] = ()
) -> Iterator[CheckCall]:
    """What is run on a delivery: all but the checks that wait for its merge."""
    yield from (call for call in own_calls(request) if call.name not in pending)
    for number, claim in enumerate(claims, 1):
        yield CheckCall(claim_name(number), claim.run, claimed=claim.exit_code)


def train_calls(request: RunRequest) -> Iterator[CheckCall]:
    """What is run on what is about to be merged. That a check fails without the change, its delivery has shown."""
    contract = request.contract
    early = {check.name for check in contract.checks if contract.when(check) is CheckWhen.DELIVERY}
    for call in own_calls(request):
        if call.name not in early:
            yield replace(call, must_fail_before=False)


def pending_checks(request: RunRequest, *, by_person: bool) -> tuple[str, ...]:
    """The contract's checks that are run on what is about to be merged, and not before."""
    contract = request.contract
    when = {check.name: contract.when(check, by_person=by_person) for check in contract.checks}
    return tuple(name for name, at in when.items() if at is CheckWhen.TRAIN)


def own_calls(request: RunRequest) -> Iterator[CheckCall]:
    """The checks of the contract and of the item's criteria: a contract's argv is a template, an item's is data."""
    yield from contract_calls(request)
    for criterion in request.contract.criteria(request.item):
        before = criterion.must_fail_before
        yield CheckCall(_acceptance_name(criterion), criterion.check or (), criterion.id, must_fail_before=before)


def asked_of(request: RunRequest, pending: Collection[str] = ()) -> dict[str, str | None]:
    """What a delivery's evidence has to say, besides of claims: names of checks, with the criteria they answer.

    All but those that are left to the merge train; which these are, the evidence may say of no other check.
    """
    late = set(pending).intersection(pending_checks(request, by_person=False))
    of_contract = {check.name: None for check in request.contract.checks if check.name not in late}
    return of_contract | {_acceptance_name(each): each.id for each in request.contract.criteria(request.item)}


def claim_name(number: int) -> str:
    """What the evidence calls one of the worker's claims; the first is number 1."""
    return f"claims/{number}"


def _acceptance_name(criterion: Criterion) -> str:
    return f"acceptance/{criterion.id}"


def contract_calls(request: RunRequest) -> Iterator[CheckCall]:
    """The checks of the request's contract alone."""
    variables = request.variables()
    for check in request.contract.checks:
        argv = render_argv(check.run, variables, f"checks.{check.name}")
        yield CheckCall(check.name, argv, must_fail_before=check.must_fail_before, reusable=True)


@dataclass(frozen=True)
class CheckRunner:
    """What the commands of one request are run with."""

    repository: Repository
    cells: Cells
    cache: GatheringCache
    request: RunRequest
    environment: str
    control: Control
    sampler: Sampler | None = None
    results: ReusableResults | None = None
    asker: Asker | None = None
    slots: Slots = field(default_factory=Slots)  # for so many checks at once

    def run(self, call: CheckCall, tree: str, target: str) -> CheckResult:
        """How a command ends on a tree; what is known already is not run again.

        What has to fail without the change shows that on these very files.
        """
        read = self.read(call, tree, target)
        result = self.cache.get(tree, call.argv)
        if result is not None:
            result = replace(result, reused=True, read=read)
        elif self.results and self.asker and not call.must_fail_before:
            result = self.results.find(self.asker, call.name, call.argv, read, self.control)
        if result is not None and result.on == tree:
            result = replace(result, on="")
        if result is None:
            result = replace(self._fresh(call, tree, target), read=read)
        if not self.control.stop.is_set() and result.exit_code is not None:  # what was stopped may have been unlucky
            self.cache.put(tree, call.argv, result)
            if self.results and self.asker and read:
                self.results.ended(self.asker, call.argv, result, tree)
        return result

    def read(self, call: CheckCall, tree: str, target: str) -> str:
        """What a command reads of a tree, as far as others may rely on it; nothing when they may not."""
        if self.results is None or not call.reusable:
            return ""
        return self.results.read(self.request, call.name, call.argv, tree, target)

    def _fresh(self, call: CheckCall, tree: str, target: str) -> CheckResult:
        """How a command ends in a clean checkout each: none sees what another one did to the files.

        One that fails while it is looked at is run again by itself before it counts.
        """
        commit = plumbing_commit(self.repository.objects, tree, (target,), "What is to be proven.\n")
        self.repository.objects.flush()
        sampler = self.sampler if call.reusable else None
        if sampler is not None and sampler.wants(self.request, call.name):
            with self._cell(call, commit) as cell:
                result = self._run(cell, call, sampler)
                if result.passed:
                    return replace(result, missed=sampler.seen(cell, self.request, call.name, tree))
            if self.control.stop.is_set():
                return result
            with self._cell(call, commit) as cell:
                result = self._run(cell, call)
            if result.passed:
                sampler.unseen(self.request, call.name)
            return result
        with self._cell(call, commit) as cell:
            return self._run(cell, call)

    @contextmanager
    def _cell(self, call: CheckCall, commit: str) -> Iterator[Cell]:
        with (
            self.slots.one_of(self.request.policy.agent.most_checks, self.control),
            self.control.phases.timed(f"{'canary' if call.canary else 'check'} {call.name}"),
            prepared_cell(self.cells, self.request, commit, self.control) as cell,
        ):
            self.control.says(f"checking {call.name}{', as a canary without the product' if call.canary else ''}")
            yield cell

    def _run(self, cell: Cell, call: CheckCall, watched: Sampler | None = None) -> CheckResult:
        request, limits, worker = self.request, self.request.contract.limits, self.request.contract.worker
        command = command_in(cell, request, call.argv, cell.environment(worker.env), "check.log")
        astray = cell.leads_out(call.argv, command.env)
        if astray:
            raise CheckNotRunnable(f"the check {call.name} {WOULD_NOT_SEE}: {astray}; {INSTEAD}")
        if watched is not None:
            command = replace(command, argv=watched.watched(cell, call.argv))
        ended = process.run(command, self.control)
        shared = any(
            PurePath(call.argv[0]).is_relative_to(name) for name in (*request.cell.shares, *request.cell.copies)
        )
        of_repository = "/" in call.argv[0] and not shared
        own = of_repository or call.claimed is not None or call.before_work is not None
        if ended.stopped is Stopped.NOT_STARTED and not own:
            # The worker may have broken a script of the repository, or named in a plan what there is not.
            raise CheckNotRunnable(f"the check {call.name} cannot be run: {ended.problem}")
        log = Mask.of_environment(worker.secrets).hide_cut(command.log.read_bytes())
        return CheckResult(
            ended.exit_code, ended.why_stopped(f"{limits.minutes:g} minutes"), round(ended.seconds, 3), log
        )


def as_evidence(call: CheckCall, result: CheckResult, before: CheckResult | None, tree: str) -> Ran:
    """How a command ended, and without the change `before`; `tree` is what it ran on if not the evidence's content."""
    log = result.log.decode(errors="replace")
    return Ran(
        name=call.name,
        run=call.argv,
        exit_code=result.exit_code,
        seconds=result.seconds,
        problem=result.problem,
        criterion=call.criterion,
        claimed=call.claimed,
        before=before.exit_code if before else None,
        before_work=call.before_work,
        tree=tree,
        reused=result.reused,
        read=result.read,
        reused_from=result.reused_from,
        on=result.on,
        missed=result.missed,
        tail=_end_of(log, check_log(call.name)),
    )


def _end_of(log: str, name: str) -> str:
    """The end of what a command printed; where that is not all of it, it says so, and which file has the whole."""
    tail = "\n".join(log.split("\n")[-TAIL_LINES:]).strip()[-_TAIL_CHARACTERS:]
    return tail if tail == log.strip() else f"… (all of it: {name})\n{tail}"
