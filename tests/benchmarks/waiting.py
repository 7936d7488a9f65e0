"""Waiting: 10,000 items in the inbox, seen for the first time and ever after."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import PROGRAM, Row, build, run, seconds, side_by_side
from tests.world import SCRIPTED, WORKFLOW, World

_COUNT = 10_000
BATCHED = {
    "WORKFLOW.md": WORKFLOW.replace("branch: main", "branch: main\nlimits: {inbox: 20000}"),
    "contracts/scripted.yaml": SCRIPTED,
}
_ITEM = """title: Look at number {number}
description: |
  One of many, and none of them starts.
priority: {priority}
labels: [benchmark]
hold: true
"""


def measure(place: Path) -> Iterator[Row]:
    """The first tick that sees them, from each kind of file, committed or not; then a tick with nothing to do."""
    for kind, limit, write in (("YAML files", 15, _yaml), ("a .jsonl batch", 5, write_batch)):
        world = build(place / kind[:2] / "uncommitted", BATCHED, 20)
        write(world.root / "queue/inbox")
        committed = World(place / kind[:2] / "committed")
        shutil.copytree(world.root, committed.root, symlinks=True)
        committed.commit("Many items")
        yield Row(f"first tick, {kind} uncommitted", _tick(world), "s", "<=", limit)
        yield Row(f"first tick, {kind} committed", _tick(committed), "s", "<=", limit)
    run(committed.root, *PROGRAM, "tick")  # nothing is to be done any more, and the next ones may rely on that
    run(committed.root, *PROGRAM, "tick")
    yield Row("a tick with nothing to do", _idle(committed), "s", "<=", 0.35)
    yield from _status(committed)


def _status(world: World) -> Iterator[Row]:
    """Every item is listed; nothing has changed since it was asked the first time."""
    empty, status = side_by_side(
        7, lambda: run(world.root, sys.executable, "-c", "pass"), lambda: run(world.root, *PROGRAM, "status")
    )
    yield Row("factory status of 10,000 items, beyond python -c pass", status - empty, "s", "<=", 0.2)


def _idle(world: World) -> float:
    head = world.git("rev-parse", "main")
    (taken,) = side_by_side(7, lambda: run(world.root, *PROGRAM, "tick"))
    if world.git("rev-parse", "main") != head or world.status():
        raise AssertionError("a tick with nothing to do did something")
    return taken


def _tick(world: World) -> float:
    taken = seconds(lambda: run(world.root, *PROGRAM, "tick"))
    listed = subprocess.run((*PROGRAM, "status", "--json"), cwd=world.root, capture_output=True, check=True).stdout
    if json.loads(listed)["counts"]["inbox"] != _COUNT:
        raise AssertionError("not every item was taken in")
    return taken


def _yaml(inbox: Path) -> None:
    for number in range(_COUNT):
        text = _ITEM.format(number=number, priority=1 + number % 4)
        (inbox / f"item-{number}.yaml").write_text(text)


def write_batch(inbox: Path) -> None:
    fields = [
        {"id": f"item-{number}", "title": f"Look at number {number}", "priority": 1 + number % 4}
        for number in range(_COUNT)
    ]
    more = {"description": "One of many.", "labels": ["benchmark"], "hold": True}
    (inbox / "many.jsonl").write_text("".join(json.dumps({**item, **more}) + "\n" for item in fields))
