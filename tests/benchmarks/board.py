"""Board: how long the page of 2,000 items takes, and how large it is."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import Row
from tests.lives import BEGINNING, DAY, Chance, written
from tests.world import REVIEWED, SCRIPTED, WORKFLOW

_FILES = {"WORKFLOW.md": WORKFLOW, "contracts/repair.yaml": SCRIPTED, "contracts/change.yaml": REVIEWED}
_ITEMS, _DAYS, _TIMES = 2000, 80, 5


def measure(place: Path) -> Iterator[Row]:
    """The whole command in a new process, when the items were never read and when they are remembered."""
    lives = [*Chance(1, _DAYS).lives(_ITEMS)]
    world = written(place, lives, [BEGINNING + _DAYS * DAY], _FILES)
    world.git("checkout", "-q", "main")

    def seconds() -> float:
        begun = time.perf_counter()
        argv = [sys.executable, "-m", "factory", "board", "--at", "main"]
        subprocess.run(argv, cwd=world.root, stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - begun

    yield Row(f"board of {_ITEMS} items, the first time", seconds(), "s", "<=", 4)
    yield Row(f"board of {_ITEMS} items, remembered", min(seconds() for _ in range(_TIMES)), "s", "<=", 2)
    yield Row(f"its page, of {_ITEMS} items", (world.root / "board.html").stat().st_size / 1e6, "MB", "<=", 2)
