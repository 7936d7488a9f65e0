"""Evidence: checks, and what the worker claims, run by the factory on the proposal as it would be merged now."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from factory.execution.agents.deliverables import change_breaches, line_breaches
from factory.execution.cell.environments import fingerprint
from factory.execution.cell.pool import Cells
from factory.execution.cell.setup import shared_folders
from factory.execution.checks.cache import CheckCache, CheckResult, GatheringCache
from factory.execution.checks.canary import CanaryCheck
from factory.execution.checks.checks_from import content_for_checks, instruments_among, seat_argvs
from factory.execution.checks.runner import CheckCall, CheckRunner, check_calls, surroundings_digest
from factory.execution.control import Control
from factory.execution.request import RunRequest
from factory.model.base import Argv, printable
from factory.model.evidence import TAIL_LINES, Evidence, Ran
from factory.model.globs import matches
from factory.model.result import Claim
from factory.model.run_layout import check_log
from factory.store.canaries import Canaries
from factory.store.repository.repository import Merge, Repository
from factory.store.repository.trees import diff

_TAIL_CHARACTERS = 4000


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


def _astray(repository: Repository, request: RunRequest, proposal: str, target: str, tree: str) -> Iterator[str]:
    """The paths to which a merge carries a change, with a file that was moved meanwhile, and where none is allowed.

    Like a conflict: the next round makes its change there for everybody to see, or not at all.
    """
    objects, contract = repository.objects, request.contract
    now = repository.content(objects.commit(target).tree)
    landing = tuple(diff(objects, now, tree))
    made = set(repository.changed(request.base, proposal))
    carried = {change.path for change in landing if change.path not in made}
    if not carried:
        return
    breaches = [*change_breaches(landing, request, objects), *line_breaches(repository.patch(now, tree), contract)]
    beyond = any(not path for path, _ in breaches)
    refused = {path for path, _ in breaches}
    for path in sorted(carried):
        if beyond or path in refused or matches(path, request.policy.guarded):
            yield path


@dataclass(frozen=True)
class _Contents:
    """The trees that commands are run on."""

    merged: str
    checked: str  # the same, with what the contract takes from the target
    before: str  # the target's own


class Gatherer:
    """Runs every check, acceptance check and claim, each in a clean checkout."""

    def __init__(self, repository: Repository, cells: Cells) -> None:
        self._repository = repository
        self._cells = cells
        self._cache = CheckCache()
        self._canary = CanaryCheck(Canaries(repository.state))

    def gather(
        self,
        request: RunRequest,
        proposal: str,
        target: str,
        control: Control,
        claims: tuple[Claim, ...] = (),
    ) -> Gathered:
        """The evidence for a proposal. Raises FactoryError when something cannot be run at all."""
        merge = merged_content(self._repository, request.base, proposal, target)
        astray = merge.conflicts or tuple(_astray(self._repository, request, proposal, target, merge.tree))
        if astray:
            paths = tuple(printable(path) for path in astray)
            return Gathered(Evidence(base=request.base, proposal=proposal, target=target, tree="", conflicts=paths), {})
        objects, environment = self._repository.objects, surroundings_digest(request)
        cache = GatheringCache(self._cache, environment + fingerprint(shared_folders(self._cells, request)))
        runner = CheckRunner(self._repository, self._cells, cache, request, environment, control)
        before = self._repository.content(objects.commit(target).tree)
        asked = tuple(check_calls(request, claims))
        checks = tuple(call.argv for call in asked if call.claimed is None)
        checked = content_for_checks(objects, merge.tree, before, request.contract, checks)
        ran, logs = self._ran(runner, asked, _Contents(merge.tree, checked, before), target)
        passed = all(each.passed for each in ran)
        found = Evidence(
            base=request.base,
            proposal=proposal,
            target=target,
            tree=merge.tree,
            environment=environment,
            ran=ran,
            instruments=self._instruments(request, checks, proposal, before, merge.tree),
            silent=self._canary.silent(runner, checked, target) if passed else (),
        )
        return Gathered(found, logs)

    def _ran(
        self, runner: CheckRunner, asked: Iterable[CheckCall], contents: _Contents, target: str
    ) -> tuple[tuple[Ran, ...], dict[str, bytes]]:
        """How every command ended, and the logs by file name."""
        ran: list[Ran] = []
        logs: dict[str, bytes] = {}
        for call in asked:
            runner.control.says(f"checking {call.name}")
            # A claim is about what the worker had before it, its own tests included.
            tree = contents.merged if call.claimed is not None else contents.checked
            result = runner.run(call, tree, target)
            first = runner.run(call, contents.before, target) if call.must_fail_before else None
            ran.append(_answer(call, result, first, tree if tree != contents.merged else ""))
            logs[check_log(call.name)] = result.log
            if first is not None:
                logs[check_log(call.name, before=True)] = first.log
        return tuple(ran), logs

    def _instruments(
        self, request: RunRequest, checks: tuple[Argv, ...], proposal: str, before: str, merged: str
    ) -> dict[str, str]:
        """What the proposal changes of what judges it, both as it was proposed and as it would come in."""
        made = {change.path: change.old is None for change in self._repository.changes(request.base, proposal)}
        changed = {*made, *(change.path for change in diff(self._repository.objects, before, merged))}
        return instruments_among(request.contract, checks, seat_argvs(request), sorted(changed), made)


def _answer(call: CheckCall, result: CheckResult, before: CheckResult | None, tree: str) -> Ran:
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
        tree=tree,
        reused=result.reused,
        tail="\n".join(log.split("\n")[-TAIL_LINES:]).strip()[-_TAIL_CHARACTERS:],
    )
