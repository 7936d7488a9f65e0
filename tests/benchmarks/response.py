"""Response: from the moment a person closes a new file to the moment its claim is the branch's head."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from tests.benchmarks.measure import NOTHING_MUCH, PROGRAM, Row, build
from tests.world import WORKFLOW, World

_FILES = {"WORKFLOW.md": WORKFLOW, "contracts/scripted.yaml": NOTHING_MUCH}
_PATIENCE_S = 30.0


def measure(place: Path) -> Iterator[Row]:
    """The median of 20 new files, one after the other, under `factory run`."""
    for others in (20, 10_000):
        world = build(place / f"response-{others}", _FILES, others)
        with _running(world):
            waits = [_claimed(world, f"item-{number}") for number in range(21)][1:]
        yield Row(f"new file to claim, {others} files", median(waits) * 1000, "ms", "<=", 150)


@contextmanager
def _running(world: World) -> Iterator[None]:
    pipe, none = subprocess.PIPE, subprocess.DEVNULL
    process = subprocess.Popen((*PROGRAM, "run"), cwd=world.root, stdout=pipe, stderr=none, text=True)
    assert process.stdout is not None
    try:
        process.stdout.readline()  # it says that it watches
        time.sleep(1)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=_PATIENCE_S)


def _claimed(world: World, item_id: str) -> float:
    """Seconds until the claim; returns once the item is done and the factory at rest."""
    (world.root / f"queue/inbox/{item_id}.yaml").write_text(f"title: Do {item_id}\n")
    closed = time.perf_counter()
    heads: dict[str, float] = {}
    while not list(world.root.glob(f"queue/done/*/{item_id}.yaml")):
        heads.setdefault((world.root / ".git/refs/heads/main").read_text().strip(), time.perf_counter())
        if time.perf_counter() - closed > _PATIENCE_S:
            raise AssertionError(f"{item_id} was not done within {_PATIENCE_S:g} s")
        time.sleep(0.001)
    time.sleep(0.5)
    claims = [at for head, at in heads.items() if world.git("ls-tree", head, f"queue/active/{item_id}.yaml")]
    return min(claims) - closed
