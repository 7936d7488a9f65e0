"""Moves: the ledger's commits, with everything that belongs to them, beside a shell script's."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from statistics import median

from factory.line.snapshot import ItemState, SnapshotReader
from factory.line.writer import Move, Writer
from factory.model.events import Released, Started
from factory.model.lease import Lease
from factory.model.lifecycle import Lane
from factory.store.repository.objects import Person
from factory.store.repository.repository import Repository
from factory.store.system import MACHINE
from tests.benchmarks.measure import Row, build, seconds, side_by_side
from tests.world import SCRIPTED, WORKFLOW, World, say_nothing

_ITEMS = 50
_FILES = {"WORKFLOW.md": WORKFLOW, "contracts/scripted.yaml": SCRIPTED} | {
    f"queue/inbox/item-{number:02}.yaml": f"title: Item {number}\ndescription: to be moved\n"
    for number in range(_ITEMS)
}
_SCRIPT = """set -e
for name in "${@:3}"; do
    git mv "queue/$1/$name.yaml" "queue/$2/$name.yaml"
    git commit -q --only -m "factory: $name $1 -> $2" -- "queue/$1/$name.yaml" "queue/$2/$name.yaml"
done
"""


class _Mover:
    """Sends items to work and takes them back, through the ledger."""

    def __init__(self, repository: Repository) -> None:
        me = Person("factory", "factory@benchmark")
        self._repository = repository
        self._writer = Writer(repository, "main", me, say_nothing)
        head = repository.head("main")
        assert head is not None
        self.items = list(SnapshotReader(repository, "main").snapshot(MACHINE.now(), head).items.values())

    def move(self, count: int) -> None:
        """Move so many items in one batch."""
        head = self._repository.head("main")
        assert head is not None
        self._writer.begin(head)
        self.items[:count] = [self._writer.move(case, self._next(case, head)) for case in self.items[:count]]
        self._writer.publish()

    def _next(self, case: ItemState, head: str) -> Move:
        if case.lane is Lane.ACTIVE:
            return Move(Released(to=Lane.INBOX, reason="the benchmark goes on"))
        run = case.history.run + 1
        ends = MACHINE.now() + timedelta(minutes=20)
        lease = Lease(owner="benchmark", generation=run, expires_at=ends, base=head, item=case.placed.blob)
        return Move(Started(lease=lease, worker="sh"), run=run)


@contextmanager
def _mover(world: World) -> Iterator[_Mover]:
    repository = Repository(world.root)
    repository.state.mkdir(exist_ok=True)
    try:
        yield _Mover(repository)
    finally:
        repository.close()


def _script(root: Path, count: int) -> Callable[[], object]:
    """The same moves there and back, as a shell script would make them."""
    ways = cycle([("inbox", "active"), ("active", "inbox")])
    names = [f"item-{number:02}" for number in range(count)]
    return lambda: subprocess.run(["bash", "-c", _SCRIPT, "script", *next(ways), *names], cwd=root, check=True)


def measure(place: Path) -> Iterator[Row]:
    """Rates in a repository of 10,000 files, and the commit's own cost beside 100,000 finished items."""
    world = build(place / "moves", _FILES, 10_000)
    shutil.copytree(world.root, place / "script", symlinks=True)
    with _mover(world) as mover:
        batch, script = side_by_side(8, lambda: mover.move(_ITEMS), _script(place / "script", _ITEMS))
        yield Row("moves in a pass of 50", _ITEMS / batch, "/s", ">=", 600)
        yield Row("… beside git mv, git commit", _ITEMS / batch, "/s", ">=", 12, _ITEMS / script)
        single, script = side_by_side(40, lambda: mover.move(1), _script(place / "script", 1))
        yield Row("a single move", 1 / single, "/s", ">=", 5, 1 / script)
        if world.status():
            raise AssertionError(f"the working tree is not what was committed:\n{world.status()}")
    few, many = _on_the_ref_alone(place / "few", 0), _on_the_ref_alone(place / "many", 100_000)
    yield Row("commit alone, 100,000 done", many, "ms", "<=", 1.3, few)


def _on_the_ref_alone(root: Path, done: int) -> float:
    """Milliseconds for a move when no working tree shows the branch: what the commit itself costs."""
    world = build(root, _FILES, 10_000, done)
    world.git("symbolic-ref", "HEAD", "refs/heads/elsewhere")
    with _mover(world) as mover:
        mover.move(_ITEMS)  # the first reads the folders
        return median(seconds(lambda: mover.move(_ITEMS)) for _ in range(12)) / _ITEMS * 1000
