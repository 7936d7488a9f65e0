"""Fold: how long a history of many items takes to be folded, for the first time and in every process after it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import Row
from tests.lives import BEGINNING, DAY, Chance, written
from tests.world import REVIEWED, SCRIPTED, WORKFLOW

_FILES = {"WORKFLOW.md": WORKFLOW, "contracts/repair.yaml": SCRIPTED, "contracts/change.yaml": REVIEWED}
_PROGRAM = """import json, sys, time
begun = time.perf_counter()
from factory.line.snapshot import SnapshotReader
from factory.report.fold.fold import fold_of
from factory.store.repository.repository import Repository
loaded = time.perf_counter()
repository = Repository(__import__("pathlib").Path.cwd())
fold = fold_of(SnapshotReader(repository, "main"), repository.tip("main"))
count = len(fold.open) + sum(map(len, fold.parts))
folded = time.perf_counter()
json.dump([count, loaded - begun, folded - loaded], sys.stdout)
repository.close()
"""


def _folded(root: Path) -> tuple[int, float]:
    """(items, seconds) of a fold in a new process, what it takes to load the program left out."""
    done = subprocess.run([sys.executable, "-c", _PROGRAM], cwd=root, capture_output=True, text=True, check=True)
    count, _, seconds = json.loads(done.stdout)
    return int(count), float(seconds)


def _rows(place: Path, items: int, days: int, approved: int, cold: float, warm: float) -> Iterator[Row]:
    lives = [*Chance(1, days, approved).lives(items)]
    world = written(place, lives, [BEGINNING + days * DAY], _FILES)
    lines = sum(len(life.lines) for life in lives)
    found: list[float] = []
    for _ in range(2):
        shutil.rmtree(world.root / ".git/factory/fold", ignore_errors=True)
        count, seconds = _folded(world.root)
        assert count == items
        found.append(seconds)
    yield Row(f"fold of {items} items, {lines} lines, the first time", min(found), "s", "<=", cold)
    yield Row(f"fold of {items} items, remembered", min(_folded(world.root)[1] for _ in range(5)), "s", "<=", warm)


def measure(place: Path) -> Iterator[Row]:
    """10,000 items with 100,000 lines, and 100,000 that nearly all are finished."""
    place.mkdir()
    yield from _rows(place / "lines", 10_000, 20, 33, 3, 0.3)
    yield from _rows(place / "items", 100_000, 200, 70, 30, 1)
