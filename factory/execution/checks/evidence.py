"""Evidence: checks, and what the worker claims, run by the factory on the proposal as it would be merged now."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from factory.execution.agents.deliverables import change_breaches, line_breaches
from factory.execution.cell.environments import fingerprint
from factory.execution.cell.pool import Cells
from factory.execution.cell.setup import shared_folders
from factory.execution.checks.cache import Asker, CheckCache, GatheringCache, ReusableResults
from factory.execution.checks.canary import CanaryCheck
from factory.execution.checks.checks_from import content_for_checks, instruments_among, seat_argvs
from factory.execution.checks.in_flight import InFlight
from factory.execution.checks.runner import (
    CheckCall,
    CheckRunner,
    as_evidence,
    delivery_calls,
    own_calls,
    pending_checks,
    train_calls,
)
from factory.execution.checks.sampling import text_of
from factory.execution.checks.surroundings import surroundings_digest
from factory.execution.control import Control, Slots
from factory.execution.mission.assertion_checks import assertion_calls
from factory.execution.request import RunRequest
from factory.model.base import Argv
from factory.model.evidence import Evidence, Ran
from factory.model.gate import touches
from factory.model.globs import matches
from factory.model.policy import MergeMode
from factory.model.result import Claim
from factory.model.run_layout import EVIDENCE, RECHECK, check_log
from factory.model.text import printable
from factory.store.canaries import Canaries
from factory.store.plans import bounded_paths
from factory.store.repository.merging import Merge
from factory.store.repository.repository import Repository
from factory.store.repository.trees import diff


@dataclass(frozen=True)
class Gathered:
    """Evidence, and the logs of the commands by file name."""

    evidence: Evidence
    logs: Mapping[str, bytes]


def _astray(repository: Repository, request: RunRequest, proposal: str, target: str, tree: str) -> Iterator[str]:
    """The paths to which a merge carries a change, with a file that was moved meanwhile, and where none is allowed.

    Like a conflict: the next round makes its change there for everybody to see, or not at all.
    """
    objects, contract = repository.objects, request.contract
    now = repository.content_at(target)
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
class Candidate:
    """A proposal that is to be merged: in its place in the merge train, or as it is delivered."""

    request: RunRequest
    proposal: str
    target: str  # the commit that it is merged with: what the target will be once all ahead have landed
    ahead: tuple[str, ...] = ()  # the items whose own evidence lands before it, in this order


@dataclass(frozen=True)
class _Contents:
    """The trees that commands are run on."""

    merged: str  # of the proposal and the target
    checked: str  # the same, or the tip of its batch, with what the contract takes from the target
    before: str  # the target's own


@dataclass(frozen=True)
class _Measured:
    """A proposal that merges, and what judges it."""

    candidate: Candidate
    merged: str  # the content that it makes
    before: str  # the target's own
    checks: tuple[Argv, ...]
    instruments: dict[str, str]  # what of that it changes, and the word that names it


@dataclass(frozen=True)
class _Batch:
    """What is checked at once: a delivery, or so many of the merge train."""

    tip: str  # what the last one makes of the target: the content that is checked
    mode: MergeMode | None = None  # None: a delivery
    pending: tuple[str, ...] = ()  # checks that are left to the train


class Gatherer:
    """Runs every check, acceptance check and claim, each in a clean checkout."""

    def __init__(self, repository: Repository, cells: Cells) -> None:
        self._repository = repository
        self._cells = cells
        self._slots = Slots()
        self._cache = CheckCache()
        self.results = ReusableResults(repository)
        self._canary = CanaryCheck(Canaries(repository.state))

    def gather(
        self,
        request: RunRequest,
        proposal: str,
        target: str,
        control: Control,
        claims: tuple[Claim, ...] = (),
    ) -> Gathered:
        """The evidence for a delivery. Raises FactoryError when something cannot be run at all."""
        candidate = Candidate(request, proposal, target)
        merge = self._merged(candidate)
        if conflict := self._conflict(candidate, merge):
            return conflict
        measured = self._measured(candidate, merge.tree)
        pending: tuple[str, ...] = ()
        if proposal != request.base:
            guarded = (*request.policy.guarded, *measured.instruments)
            bounded = bounded_paths(self._repository.objects, measured.before, merge.tree, request.steering)
            changed = (each for each in self._repository.changed(request.base, proposal) if each not in bounded)
            by_person = touches(tuple(changed), guarded)
            # Nobody knows whether a canary will ask for a person before the checks have passed.
            pending = pending_checks(request, by_person=by_person or request.policy.canary == "person")
        calls = (
            *delivery_calls(request, claims, pending),
            *assertion_calls(request, self._repository.objects, merge.tree),
        )
        runner = self._runner(candidate, control, {})
        return self._evidence(measured, _Batch(merge.tree, None, pending), calls, runner)

    def begin(self, candidates: Sequence[Candidate], mode: MergeMode) -> InFlight | None:
        """Let those behind the last of these wait for what it runs, before that begins in a thread."""
        request = candidates[-1].request
        return self.results.single_flight.begin(request.item_id, request.run) if mode is MergeMode.EVERY else None

    def recheck(
        self, candidates: Sequence[Candidate], mode: MergeMode, control: Control, in_flight: InFlight | None = None
    ) -> tuple[Gathered, ...]:
        """The evidence for each of these candidates, from checks of what the last one makes of the target.

        Raises FactoryError when something cannot be run at all.
        """
        try:
            return self._rechecked(candidates, mode, control, in_flight)
        finally:
            if in_flight is not None:
                in_flight.end_all()

    def _rechecked(
        self, candidates: Sequence[Candidate], mode: MergeMode, control: Control, in_flight: InFlight | None
    ) -> tuple[Gathered, ...]:
        merges = [self._merged(candidate) for candidate in candidates]
        batch = _Batch(merges[-1].tree, mode)
        caches: dict[str, GatheringCache] = {}
        found: list[Gathered] = []
        for candidate, merge in zip(candidates, merges, strict=True):
            runner = self._runner(candidate, control, caches, mode, in_flight)
            calls = tuple(train_calls(candidate.request))
            conflict = self._conflict(candidate, merge)
            found.append(conflict or self._evidence(self._measured(candidate, merge.tree), batch, calls, runner))
        return (*found[:-1], _with_others(found[-1], candidates[:-1], found[:-1]))

    def _merged(self, candidate: Candidate) -> Merge:
        return self._repository.merged_content(candidate.request.base, candidate.proposal, candidate.target)

    def _conflict(self, candidate: Candidate, merge: Merge) -> Gathered | None:
        """The evidence that a proposal cannot be merged; None when it can."""
        request, proposal, target = candidate.request, candidate.proposal, candidate.target
        astray = merge.conflicts or tuple(_astray(self._repository, request, proposal, target, merge.tree))
        if not astray:
            return None
        paths = tuple(printable(path) for path in astray)
        return Gathered(Evidence(base=request.base, proposal=proposal, target=target, tree="", conflicts=paths), {})

    def _runner(
        self,
        candidate: Candidate,
        control: Control,
        caches: dict[str, GatheringCache],
        mode: MergeMode | None = None,
        in_flight: InFlight | None = None,
    ) -> CheckRunner:
        """What a request's commands are run with; those in the same surroundings know the same."""
        request, environment = candidate.request, surroundings_digest(candidate.request)
        folders = fingerprint(shared_folders(self._cells, request))
        cache = caches.setdefault(environment + folders, GatheringCache(self._cache, environment + folders))
        asker = Asker(request, environment, folders, RECHECK if mode else EVIDENCE, candidate.ahead, in_flight)
        with_these = (self._repository, self._cells, cache, request, environment, control)
        return CheckRunner(*with_these, self.results.sampler, self.results, asker, self._slots)

    def _measured(self, candidate: Candidate, merged: str) -> _Measured:
        """What judges a proposal that merges, and what of that it changes itself."""
        request, objects = candidate.request, self._repository.objects
        before = self._repository.content_at(candidate.target)
        checks = tuple(dict.fromkeys(call.argv for call in own_calls(request)))
        own = self._repository.changes(request.base, candidate.proposal)
        made = {change.path: change.old is None for change in own}
        changed = {*made, *(change.path for change in diff(objects, before, merged))}
        instruments = instruments_among(request.contract, checks, seat_argvs(request), sorted(changed), made)
        return _Measured(candidate, merged, before, checks, instruments)

    def _evidence(
        self, measured: _Measured, batch: _Batch, calls: tuple[CheckCall, ...], runner: CheckRunner
    ) -> Gathered:
        """What the commands say of a proposal that merges."""
        candidate, before = measured.candidate, measured.before
        contract = candidate.request.contract
        checked = content_for_checks(self._repository.objects, batch.tip, before, contract, measured.checks)
        if runner.asker and runner.asker.in_flight:
            asked = ((runner.read(call, checked, candidate.target), call.argv) for call in calls)
            runner.asker.in_flight.begin(runner.asker.question(read, argv) for read, argv in asked if read)
        ran, logs = self._ran(runner, calls, _Contents(measured.merged, checked, before), candidate.target)
        passed = all(each.passed for each in ran) and not batch.pending
        found = Evidence(
            base=candidate.request.base,
            proposal=candidate.proposal,
            target=candidate.target,
            tree=measured.merged,
            environment=runner.environment,
            contract=text_of(candidate.request),
            ran=ran,
            instruments=measured.instruments,
            silent=self._canary.silent(runner, checked, candidate.target) if passed else (),
            pending=batch.pending,
            bounded=bounded_paths(self._repository.objects, before, measured.merged, candidate.request.steering),
            mode=batch.mode,
            proven=batch.tip if batch.tip != measured.merged else "",
        )
        return Gathered(found, logs)

    def _ran(
        self, runner: CheckRunner, calls: Iterable[CheckCall], contents: _Contents, target: str
    ) -> tuple[tuple[Ran, ...], dict[str, bytes]]:
        """How every command ended, and the logs by file name."""
        ran: list[Ran] = []
        logs: dict[str, bytes] = {}
        for call in calls:
            # A claim is about what the worker had before it, its own tests included; a plan brings its checks along.
            of_worker = call.claimed is not None or call.before_work is not None
            tree = contents.merged if of_worker else contents.checked
            result = runner.run(call, tree, target)
            # What is to fail is run for no other item, and not looked at: one that fails then is run again.
            before = replace(call, reusable=False)
            first = runner.run(before, contents.before, target) if call.must_fail_before else None
            ran.append(as_evidence(call, result, first, tree if tree != contents.merged else ""))
            logs[check_log(call.name)] = result.log
            if first is not None:
                logs[check_log(call.name, before=True)] = first.log
        return tuple(ran), logs


def _with_others(last: Gathered, ahead: Sequence[Candidate], found: Sequence[Gathered]) -> Gathered:
    """The evidence for the last one of a batch, with the commands of those ahead that failed where it came in."""
    if not last.evidence.passed:
        return last
    pairs = [(candidate, each) for candidate, each in zip(ahead, found, strict=True) if not each.evidence.conflicts]
    failed = [
        ran.model_copy(update={"name": f"{candidate.request.item_id}/{ran.name}", "criterion": None})
        for candidate, each in pairs
        for ran in each.evidence.ran
        if not ran.passed
    ]
    return replace(last, evidence=last.evidence.model_copy(update={"ran": (*last.evidence.ran, *failed)}))
