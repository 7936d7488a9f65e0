"""The doctor: what the factory needs and finds on this machine and in this repository, and what to do about it."""

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from factory.execution.cell.sandbox import Kind, Sandbox, sandbox
from factory.execution.redaction.mask import SHORTEST
from factory.line.lock import holder
from factory.line.review.votes import TELL_GIT
from factory.line.snapshot import SnapshotReader
from factory.model.breaker import State
from factory.model.contract import Contract
from factory.model.engine import Engine
from factory.model.errors import FactoryError, InvalidFile, UnusableError
from factory.model.layout import contract_path
from factory.model.moments import rfc3339
from factory.model.policy import Policy
from factory.model.text import counted
from factory.report.agents import HOLD_IT, UNHELD, agents_of
from factory.report.baseline import remembered
from factory.report.check import check
from factory.report.cluster import of_cluster
from factory.report.diagnosis import Diagnosis, Health
from factory.report.leaking_checks import astray
from factory.report.narrow_reads import seen_reads
from factory.report.programs import lacking, place_of, programs_of
from factory.report.untold import of_telling
from factory.store.library import locate_branch
from factory.store.repository.repository import Repository
from factory.store.state import CELLS, HEARTBEATS, PENDING

_OLDEST_GIT = (2, 38)  # the first that merges in memory
_PATIENCE_S = 10
PLACEHOLDER = "put your worker into contracts/change.yaml"  # what the worker says that init lays


def examine(repository: Repository) -> Iterator[Diagnosis]:
    """Everything that was looked at, from the machine to the items."""
    yield _git(repository)
    yield from _packages()
    yield _identity(repository)
    try:
        branch = locate_branch(repository)
    except UnusableError as error:
        yield Diagnosis("policy", Health.BAD, error.message, error.hint)
        yield from _containment(_sandbox("auto"), "auto")
        return
    yield _branch(repository, branch)
    yield _holder(repository)
    yield from _leftovers(repository)
    yield from _files(repository)
    head = repository.head(branch)
    if head is None:
        return
    reader = SnapshotReader(repository, branch)
    try:
        snapshot = reader.snapshot(reader.repository.system.now(), head)
    except FactoryError as error:
        yield Diagnosis("policy", Health.BAD, error.message, error.hint or "factory check")
        return
    if repository.head(snapshot.policy.target_branch) is None:
        lacking = repository.missing(snapshot.policy.target_branch, "target")
        yield Diagnosis("target", Health.BAD, lacking.message, lacking.hint)
    boundary = _sandbox(snapshot.policy.sandbox)
    yield from _containment(boundary, snapshot.policy.sandbox)
    if isinstance(boundary, Sandbox):
        yield from astray(reader, snapshot, boundary)
        yield from remembered(reader, snapshot)
    yield from seen_reads(reader, snapshot)
    contained = isinstance(boundary, Sandbox) and boundary.kind is Kind.BUBBLEWRAP
    checkouts, engine = [view.root for view in repository.views()], snapshot.policy.engine
    yield from _seen_from(engine, agents_of(snapshot.policy, checkouts, contained=contained))
    contracts = dict(reader.library.contracts(snapshot.tree))
    for name, contract in contracts.items():
        yield from _seen_from(engine, _contract(name, contract, checkouts, contained=contained))
    yield from of_cluster(engine, repository, branch, contracts)
    yield from (*_secret_scan(snapshot.policy), *of_telling(repository.state, repository.root, snapshot.policy))
    for state in sorted((*snapshot.breakers.values(), *snapshot.agent_breakers.values()), key=lambda each: each.path):
        name = state.contract or state.of
        open_until = f" until {rfc3339(state.until)}" if state.until else ""
        if state.state is State.CLOSED:
            yield Diagnosis(f"breaker {name}", Health.GOOD, f"closed since {rfc3339(state.since)}")
        else:
            after = "at a usage limit" if state.limited else f"after {state.failures} failures; the last"
            found = f"{state.state}{open_until} {after}: {state.reason}"
            advice = f"mend the cause, then set `state: closed` in {state.path}"
            yield Diagnosis(f"breaker {name}", Health.BAD, found, advice)
    most = snapshot.policy.budget.usd_per_day
    if most is None:
        yield Diagnosis("budget", Health.GOOD, "no limit a day (budget.usd_per_day)")
    else:
        over = snapshot.spent_today >= most
        found = f"{snapshot.spent_today:.2f} of {most:.2f} USD are used up today"
        found += f", and unknown of {counted(snapshot.unpriced_today, 'run')}" if snapshot.unpriced_today else ""
        advice = "wait until midnight UTC, or raise budget.usd_per_day in WORKFLOW.md" if over else ""
        yield Diagnosis("budget", Health.BAD if over else Health.GOOD, found, advice)


def _git(repository: Repository) -> Diagnosis:
    said = repository.git.text("--version")
    found = re.search(r"(\d+)\.(\d+)", said)
    new = found is not None and (int(found[1]), int(found[2])) >= _OLDEST_GIT
    advice = "" if new else f"install git {'.'.join(map(str, _OLDEST_GIT))} or newer"
    return Diagnosis("git", Health.GOOD if new else Health.BAD, said, advice)


def _identity(repository: Repository) -> Diagnosis:
    who = repository.identity()
    if who is None:
        return Diagnosis(
            "identity", Health.NOTE, "git does not know who works here, and nobody's verdict counts", TELL_GIT
        )
    return Diagnosis("identity", Health.GOOD, str(who))


def _packages() -> Iterator[Diagnosis]:
    try:
        foreign = version("factory_boy")
    except PackageNotFoundError:
        return
    advice = "install factory in an environment of its own, with uv tool install or pipx install"
    yield Diagnosis("python", Health.BAD, f"factory_boy {foreign} installs a package named factory, too", advice)


def _branch(repository: Repository, branch: str) -> Diagnosis:
    view = repository.view_of(branch)
    busy = view.busy() if view else ""
    if repository.head(branch) is None:
        error = repository.missing(branch)
        return Diagnosis("branch", Health.BAD, error.message, error.hint)
    if busy:
        return Diagnosis("branch", Health.NOTE, f"{branch}: {busy}; the factory waits", "finish or abort it")
    where = f"checked out in {view.root}" if view else "checked out nowhere; files are taken from its commits alone"
    return Diagnosis("branch", Health.GOOD, f"{branch}, {where}")


def _holder(repository: Repository) -> Diagnosis:
    who = holder(repository.state)
    found = f"held by {who}" if who else "free: no orchestrator runs"
    return Diagnosis("lock", Health.GOOD, found)


def _leftovers(repository: Repository) -> Iterator[Diagnosis]:
    """What only a running orchestrator may leave lying about."""
    if holder(repository.state):
        return
    cells = list((repository.state / CELLS).glob("*"))
    pending = (repository.state / PENDING).exists()
    heartbeats = list((repository.state / HEARTBEATS).glob("*"))
    if cells or pending or heartbeats:
        found = f"a crash left {len(cells)} cells, {len(heartbeats)} heartbeats" + (
            " and a half-done publish" * pending
        )
        yield Diagnosis("orphans", Health.NOTE, found, "factory tick cleans up")
    else:
        yield Diagnosis("orphans", Health.GOOD, "none")


def _files(repository: Repository) -> Iterator[Diagnosis]:
    try:
        problems, warnings = check(repository)
    except InvalidFile as error:
        problems, warnings = list(error.problems), []
    for warning in warnings:
        yield Diagnosis("policy", Health.NOTE, warning, "factory check")
    if problems:
        told = counted(len(problems), "problem")
        yield Diagnosis("files", Health.BAD, f"{told}; the first: {problems[0]}", "factory check")
    else:
        yield Diagnosis("files", Health.GOOD, "all valid")


def _sandbox(mode: str) -> Sandbox | UnusableError:
    try:
        return sandbox("required" if mode == "required" else "off" if mode == "off" else "auto")
    except UnusableError as error:
        return error


def _containment(found: Sandbox | UnusableError, mode: str) -> Iterator[Diagnosis]:
    if isinstance(found, UnusableError):
        yield Diagnosis("sandbox", Health.BAD, f"{found.message}; nothing starts", found.hint)
    elif found.kind is Kind.BUBBLEWRAP:
        yield Diagnosis("sandbox", Health.GOOD, f"{found.name}, with namespaces")
    else:
        install = "apt-get install bubblewrap, and allow user namespaces (sysctl user.max_user_namespaces)"
        advice = "set `sandbox: auto` in WORKFLOW.md" if mode == "off" else install
        yield Diagnosis("sandbox", Health.NOTE, found.missing, advice)
    if shutil.which("prlimit") is None:
        yield Diagnosis(
            "limits", Health.NOTE, "prlimit is missing: limits are only looked at", "apt-get install util-linux"
        )


def _contract(name: str, contract: Contract, checkouts: Sequence[Path], *, contained: bool) -> Iterator[Diagnosis]:
    """Whether what a contract names is there: programs, and values of secrets."""
    if contract.worker.run and PLACEHOLDER in contract.worker.run[-1]:
        advice = f"put yours into {contract_path(name)}; for an agent, factory init --agent claude says what to write"
        yield Diagnosis(
            f"contract {name}", Health.BAD, "its worker is the one that init laid, which only says so", advice
        )
    for program in programs_of(contract):
        bad = lacking(program, checkouts, contained=contained)
        if bad:
            yield Diagnosis(f"contract {name}", Health.BAD, *bad)
    for secret in contract.worker.secrets:
        value = os.environ.get(secret)
        if value is None:
            yield Diagnosis(f"contract {name}", Health.BAD, f"the secret {secret} is not set", f"export {secret}=…")
        elif len(value) < SHORTEST:
            found = f"the secret {secret} is shorter than {SHORTEST} characters and cannot be masked"
            yield Diagnosis(f"contract {name}", Health.NOTE, found, "use a longer one")
    if not contained and not isinstance(contract.worker.sandbox.network, bool):
        yield Diagnosis(f"contract {name}", Health.NOTE, UNHELD, HOLD_IT)


def _seen_from(engine: Engine, found: Iterable[Diagnosis]) -> Iterator[Diagnosis]:
    """What this machine lacks is bad only where runs happen here."""
    for sign in found:
        if sign.health is Health.BAD and not engine.is_local:
            yield replace(sign, health=Health.NOTE, found=f"here {sign.found}; runs happen on other machines")
        else:
            yield sign


def _secret_scan(policy: Policy) -> Iterator[Diagnosis]:
    match policy.secret_scan:
        case "builtin":
            yield Diagnosis("secret scan", Health.GOOD, f"detect-secrets {version('detect-secrets')}")
        case "off":
            yield Diagnosis("secret scan", Health.NOTE, "off", "set secret_scan: builtin in WORKFLOW.md")
        case (program, *_):
            there = place_of(program) is not None
            advice = "" if there else f"install {program}: without it nothing starts"
            yield Diagnosis("secret scan", Health.GOOD if there else Health.BAD, f"the command {program!r}", advice)
