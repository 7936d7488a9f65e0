"""Dask: what it costs to let a run happen on another machine, and how many happen at once."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import closing
from pathlib import Path
from statistics import median

from factory.execution.agents.kinds import AGENTS
from factory.execution.cell.pool import Cells, cells_root
from factory.execution.control import unfollowed
from factory.execution.dask.executor import DaskExecutor
from factory.execution.executor import Executor
from factory.execution.host import Host
from factory.execution.local import LocalExecutor
from factory.execution.outcome import RunOutcome
from factory.execution.request import RunRequest
from factory.line.snapshot import SnapshotReader
from factory.model.contract import Contract
from factory.model.item import Item
from factory.model.moments import moment_of
from factory.store.repository.batch import Signature, add_commit
from factory.store.repository.objects import Person
from factory.store.repository.repository import Repository
from tests.benchmarks.measure import Row, build
from tests.machines import machines
from tests.world import WORKFLOW

_ROUNDS = 15
_SLEEPERS = 16
_CONTRACT = (
    '{"purpose": "p", "worker": {"run": ["sh", "-c", %s]}, "review": {"seats": [{"name": "t", "kind": "checks"}]}}'
)
_WRITES = '"echo done > done.txt"'
_WORKS = '"sleep 0.5; echo done > done.txt"'
_SLEEPS = '"date +%s.%N > begun.txt; sleep 1; date +%s.%N > ended.txt"'


def measure(place: Path) -> Iterator[Row]:
    """A run that writes one file, here and there by turns; then 16 that sleep for a second, on as many workers."""
    world = build(place / "repository", {"WORKFLOW.md": WORKFLOW}, 200)
    with closing(Repository(world.root)) as repository:
        local = _local(repository)
        with machines(place / "two", (), ()) as two:
            there = DaskExecutor(two.address, "main", local)
            for executor in (local, there, there):  # what is made once is no part of a run
                _ended(executor, repository, "warm", _WRITES)
            short, long = (_side_by_side(repository, (local, there), script) for script in (_WRITES, _WORKS))
        yield Row("what a run on a Dask worker takes longer", (short[1] - short[0]) * 1000, "ms", "<=", 50)
        yield Row("a run of half a second on a Dask worker, beside one here", long[1], "s", "<=", 1.2, long[0])
        with machines(place / "many", ("--nworkers", str(_SLEEPERS), "--nanny", "--death-timeout", "120")) as many:
            there = DaskExecutor(many.address, "main", local)
            many.wait_for("machine-1", "Registered to", _SLEEPERS)
            _all(there, repository, "warm", 2 * _SLEEPERS)
            yield Row(
                "runs of one second at once, of 16 on 16 workers",
                _all(there, repository, "at", _SLEEPERS),
                "",
                ">=",
                14,
            )


def _local(repository: Repository) -> LocalExecutor:
    cells = Cells(repository, cells_root(repository.common_dir, None))
    return LocalExecutor(Host.of(repository, cells, AGENTS))


def _request(repository: Repository, item_id: str, script: str) -> RunRequest:
    reader = SnapshotReader(repository, "main")
    base = repository.tip("main")
    policy = reader.library.workflow(repository.objects.commit(base).tree, "main").policy
    person = Person("factory", "factory@localhost")
    signed = Signature(person, person, moment_of(1_700_000_000))
    start = add_commit(repository.objects, repository.content_at(base), (base,), "What it starts from.\n", signed)
    repository.objects.flush()
    contract = Contract.model_validate_json(_CONTRACT % script)
    return RunRequest(item_id, Item(title="Do it"), "c", contract, policy, "do it", 1, 1, base, start)


def _ended(executor: Executor, repository: Repository, item_id: str, script: str) -> RunOutcome:
    request = _request(repository, item_id, script)
    outcome = executor.submit(request, unfollowed(repository.system)).result()
    if outcome.failure is not None or (not outcome.work.files and not outcome.proposal):
        raise AssertionError(f"the run failed: {outcome.failure}")
    return outcome


def _side_by_side(repository: Repository, executors: Sequence[Executor], script: str) -> list[float]:
    """The median time of each executor's runs, which take turns."""
    taken = [[_seconds(each, repository, number, script) for each in executors] for number in range(_ROUNDS)]
    return [median(column) for column in zip(*taken, strict=True)]


def _seconds(executor: Executor, repository: Repository, number: int, script: str) -> float:
    request = _request(repository, f"item-{number}", script)
    begun = time.perf_counter()
    outcome = executor.submit(request, unfollowed(repository.system)).result()
    taken = time.perf_counter() - begun
    if outcome.failure is not None:
        raise AssertionError(f"the run failed: {outcome.failure}")
    return taken


def _all(executor: Executor, repository: Repository, name: str, many: int) -> int:
    """How many runs were asleep at the moment at which most were."""
    requests = [_request(repository, f"{name}-{number}", _SLEEPS) for number in range(many)]
    futures = [executor.submit(each, unfollowed(repository.system)) for each in requests]
    wait(futures)
    spans = [_span(future) for future in futures]
    return max(sum(begun <= moment < ended for begun, ended in spans) for moment, _ in spans)


def _span(future: "Future[RunOutcome]") -> tuple[float, float]:
    outcome = future.result()
    if outcome.failure is not None:
        raise AssertionError(f"the run failed: {outcome.failure}")
    texts = [data.decode().strip() for kind, data in outcome.work.brought.values() if kind == "blob"]
    begun, ended = sorted(map(float, texts))
    return begun, ended
