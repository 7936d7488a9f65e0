"""The baseline: every contract's checks on the untouched branch, and whether they notice that the product is gone."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from factory.execution.cell.cell import CellNotReady
from factory.execution.cell.pool import Cells, cells_root
from factory.execution.checks.cache import CheckCache, GatheringCache
from factory.execution.checks.canary import CanaryCheck
from factory.execution.checks.in_flight import CheckResult
from factory.execution.checks.runner import CheckCall, CheckRunner, contract_calls
from factory.execution.checks.sampling import Sampler
from factory.execution.checks.surroundings import surroundings_digest
from factory.execution.control import unfollowed
from factory.execution.prompts.prompt import TemplateProblem
from factory.execution.redaction.mask import Mask
from factory.execution.request import RunRequest
from factory.line.intake.edits import find_edits
from factory.line.lock import locked
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.canary_answer import Canary, CanaryAnswer, rules_of
from factory.model.contract import Contract
from factory.model.errors import FactoryError
from factory.model.item import Item
from factory.model.layout import YAML, in_library
from factory.model.text import counted, last_line
from factory.report.diagnosis import Diagnosis, Health
from factory.report.failed_hooks import failed_hooks, last_lines
from factory.report.narrow_reads import seen_reads
from factory.report.programs import python_of
from factory.store.canaries import Canaries
from factory.store.read_samples import ReadSamples

_UNTOUCHED = "doctor"
_SHOWN = 3  # uncommitted files that are named
_OUT_OF_DATE = "out of date: since it was tried the contract, a hook, a setting or the environment has changed"
_TRY_IT = "factory doctor --checks, or the first item"


def baseline(reader: SnapshotReader, snapshot: Snapshot) -> Iterator[Diagnosis]:
    """What becomes of the checks of every contract in a cell, tried now. Raises BusyError beside an orchestrator."""
    repository = reader.repository
    yield from _not_in_force(reader, snapshot)
    yield from _not_seen(reader, snapshot)
    with locked(repository.state, repository.system):
        cells = Cells(repository, cells_root(repository.common_dir, snapshot.policy.workspace.root))
        try:
            yield from _baselines(reader, snapshot, cells)
            yield from seen_reads(reader, snapshot)
        finally:
            cells.remove_all()


def _baselines(reader: SnapshotReader, snapshot: Snapshot, cells: Cells) -> Iterator[Diagnosis]:
    repository = reader.repository
    target = repository.head(snapshot.policy.target_branch)
    if target is None:
        error = repository.missing(snapshot.policy.target_branch, "target")
        yield Diagnosis("checks", Health.BAD, error.message, error.hint)
        return
    contracts = list(reader.library.contracts(snapshot.tree))
    if not any(contract.checks for _, contract in contracts):
        found = "no contract has checks, so nothing was tried" if contracts else "no contract is committed"
        yield Diagnosis("checks", Health.NOTE, found, "give a contract `checks`: see docs/formats.md, Contract")
    for name, contract in contracts:
        if contract.checks:
            source = reader.library.contract_bytes(snapshot.tree, name) or b""
            request = replace(_request(snapshot, name, contract, target), contract_source=source)
            cache, control = GatheringCache(CheckCache(), ""), unfollowed(repository.system)
            sampler = Sampler(repository.objects, ReadSamples(repository.state), repository.system, always=True)
            surroundings = surroundings_digest(request)
            runner = CheckRunner(repository, cells, cache, request, surroundings, control, sampler)
            try:
                yield from _contract(runner, target)
            except TemplateProblem as error:
                found = f"cannot be tried without the inputs of an item: {error.message}"
                yield Diagnosis(
                    f"checks of {name}", Health.NOTE, found, "they are tried with the first item that has them"
                )
            except CellNotReady as error:
                yield _not_ready(name, contract, error)
            except FactoryError as error:
                yield Diagnosis(f"checks of {name}", Health.BAD, error.message, error.hint)


def _not_ready(name: str, contract: Contract, error: CellNotReady) -> Diagnosis:
    """A hook or a setup that fails before any check can be run, quoted."""
    log = Mask.of_environment(contract.worker.secrets).hide_cut(bytes(error.log))
    hook = next((each for each in failed_hooks(log) if each.ending in error.message), None)
    found, quoted = (hook.told, hook.quoted) if hook else (error.message, last_lines(log.decode(errors="replace")))
    advice = "correct it in WORKFLOW.md or the contract, or give the environment what it needs"
    return Diagnosis(f"checks of {name}", Health.BAD, found, advice, quoted if len(quoted) > 1 else ())


def _not_in_force(reader: SnapshotReader, snapshot: Snapshot) -> Iterator[Diagnosis]:
    """The policy files that a person has before them and that are not the committed ones, which are tried."""
    for edits in find_edits(reader, snapshot):
        for path in sorted(edits.valid):
            if in_library(path) and path.endswith(YAML):
                found = "is not committed, so its checks were not tried"
                yield Diagnosis(path, Health.NOTE, found, f"git add {path} && git commit {path}")
        for problem in edits.problems:
            if in_library(problem.path):
                yield Diagnosis(problem.path, Health.NOTE, problem.message)


def _not_seen(reader: SnapshotReader, snapshot: Snapshot) -> Iterator[Diagnosis]:
    """What lies in the folder and in no commit, so that no cell has it."""
    view = reader.repository.view_of(snapshot.policy.target_branch)
    there = view.untracked() if view else []
    if there:
        shown = ", ".join(there[:_SHOWN]) + (", …" if len(there) > _SHOWN else "")
        found = (
            f"{counted(len(there), 'file')} of this folder {'is' if len(there) == 1 else 'are'} not committed ({shown})"
        )
        advice = "git add and git commit what the checks need, and name the rest in .gitignore"
        yield Diagnosis("folder", Health.NOTE, f"{found}, and cells see only what is", advice)


def remembered(reader: SnapshotReader, snapshot: Snapshot) -> Iterator[Diagnosis]:
    """What is known of the canaries as everything is now, without trying any. Raises UnusableError without a sandbox.

    What was found with other checks, hooks, settings or variables says nothing of those of now.
    """
    canaries = Canaries(reader.repository.state)
    earlier = canaries.newest()
    for name, contract in reader.library.contracts(snapshot.tree):
        surroundings = surroundings_digest(_request(snapshot, name, contract, snapshot.head))
        canary = canaries.get(name, rules_of(contract), surroundings)
        if canary is not None:
            yield from _told(canary)
        elif not contract.checks or snapshot.policy.canary == "off":
            continue
        elif name in earlier:
            yield Diagnosis(f"canary of {name}", Health.NOTE, f"{_OUT_OF_DATE}{_was(earlier[name])}", _TRY_IT)
        else:
            yield Diagnosis(f"canary of {name}", Health.NOTE, "not tried yet", _TRY_IT)


def _was(canary: Canary) -> str:
    """What was said last of checks that prove nothing, which may well still be so."""
    return f"; {', '.join(canary.silent)} still passed then when the product was gone" if canary.silent else ""


def _request(snapshot: Snapshot, name: str, contract: Contract, target: str) -> RunRequest:
    """For the checks alone; an open item of the contract lends its inputs."""
    items = (state.item for state in snapshot.items.values() if state.contract_name == name and state.item)
    item = next(items, Item(title="The untouched branch")).model_copy(update={"acceptance": ()})
    return RunRequest(_UNTOUCHED, item, name, contract, snapshot.policy, "", run=0, round=1, base=target, start=target)


def _contract(runner: CheckRunner, target: str) -> Iterator[Diagnosis]:
    name, repository = runner.request.contract_name, runner.repository
    content = repository.content_at(target)
    well = True
    for call in contract_calls(runner.request):
        result = runner.run(call, content, target)
        sign = _baseline(f"check {call.name} of {name}", call, result, [view.root for view in repository.views()])
        well = well and sign.health is not Health.BAD
        yield sign
    if well:
        canary = CanaryCheck(Canaries(repository.state)).try_now(runner, content, target)
        if canary is None:
            found = "not tried: the contract allows only tests, settings or checks, or a hook fails without the product"
            yield Diagnosis(f"canary of {name}", Health.NOTE, found)
        else:
            yield from _told(canary)


def _baseline(about: str, call: CheckCall, result: CheckResult, checkouts: Sequence[Path]) -> Diagnosis:
    """How one check ended on what nobody has touched."""
    passed = result.exit_code == 0 and not result.problem
    how = result.problem or f"exit status {result.exit_code}"
    if call.must_fail_before:
        advice = "as long as it does, proposals are sent back" if passed else ""
        found = (
            f"passes in {result.seconds:g} s, and has to fail without a change"
            if passed
            else f"fails as it must ({how})"
        )
        return Diagnosis(about, Health.NOTE if passed else Health.GOOD, found, advice)
    log = result.log.decode(errors="replace")
    if passed:
        said = f": {last}" if (last := last_line(log)) else ""
        return Diagnosis(about, Health.GOOD, f"passes on the untouched branch in {result.seconds:g} s{said}")
    told = last_lines(log)
    found = f"fails on the untouched branch: {how}{f': {told[-1].strip()}' if told else ''}"
    advice = f"correct the check or the environment; else every proposal is sent back{_python(call, checkouts)}"
    return Diagnosis(about, Health.BAD, found, advice, told if len(told) > 1 else ())


def _python(call: CheckCall, checkouts: Sequence[Path]) -> str:
    """Which Python a check was run by, and whether that is one of an environment that was made for the checkout."""
    used = python_of(call.argv[0]) if call.argv else None
    if used is None:
        return ""
    own = "VIRTUAL_ENV" in os.environ or any(Path(used).is_relative_to(root) for root in checkouts)
    lack = "" if own else ", and no environment of this checkout is active (say, source .venv/bin/activate)"
    return f"; it was run by {used}{lack}"


def _told(canary: Canary) -> Iterator[Diagnosis]:
    for check, answer in canary.answers.items():
        about = f"canary of {canary.contract}"
        match answer:
            case CanaryAnswer.FAILS:
                yield Diagnosis(about, Health.GOOD, f"{check} fails when the product is gone, as it should")
            case CanaryAnswer.DOCUMENTATION:
                yield Diagnosis(about, Health.GOOD, f"{check} is about the documentation, and fails when that is gone")
            case CanaryAnswer.PASSES:
                found = f"{check} still passes when the product is gone, and so proves nothing"
                advice = (
                    "it may run what is installed elsewhere, or test nothing: see docs/life.md, then doctor --checks"
                )
                yield Diagnosis(about, Health.BAD, found, advice)
