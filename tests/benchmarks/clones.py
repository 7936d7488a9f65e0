"""Clones: one queue on one bare remote, worked on by four clones, beside one clone that does all of it alone."""

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import PROGRAM, Row, build, seconds
from tests.world import World

_CLONES, _STORM, _STORM_S = 4, 8, 300
_NOTHING, _SECOND = "true", "sleep 1"
_WORKFLOW = """---
branch: main
routes: [{contract: work}]
agent: {max_concurrent_agents: %d}
polling: {interval_ms: 500}
sync: {push: true}
---
{{ item.title }}
"""
_WORK = """purpose: Write one file.
worker: {run: [sh, -c, '%s; echo done > "$0.txt"', "{{ item.id }}"]}
review: {seats: [{name: tests, kind: checks}]}
"""


def measure(place: Path) -> Iterator[Row]:
    """Items that take nothing, and items that take a second with one worker in each clone."""
    alone, _ = _done(place / "alone", _NOTHING, 100 * _CLONES, 4, 1)
    together, _ = _done(place / "together", _NOTHING, 100 * _CLONES, 4, _CLONES)
    yield Row("4 clones x 100 items that take nothing, beside one clone", alone / together, "x", ">=", 0.5)
    alone, _ = _done(place / "slow-alone", _SECOND, 100, 1, 1)
    together, _ = _done(place / "slow-together", _SECOND, 100 * _CLONES, 1, _CLONES)
    row = "4 clones x 100 items of a second, one worker in each, beside one clone"
    yield Row(row, _CLONES * alone / together, "x", ">=", 3.5)
    shares = _storm(place / "storm")
    row = "8 clones that all push for five minutes: what the slowest did, of its share"
    yield Row(row, min(shares) / (sum(shares) / _STORM), "", ">=", 0.33)


def _done(place: Path, work: str, items: int, hands: int, clones: int) -> tuple[float, list[int]]:
    """(seconds until every item is done, the runs of each clone)."""
    roots = _clones(place, work, items, hands, clones)

    def work_together() -> None:
        gave_up = [tick.wait() for tick in _ticks(roots)]
        if any(gave_up):
            raise AssertionError(f"clones gave up: {gave_up}")

    took = seconds(work_together)
    world = World(roots[0])
    world.command("sync")
    owners: dict[str, int] = {}
    for number in range(items):
        entries = world.journal(f"item-{number:03}")
        events = [str(entry.event) for entry in entries]
        if world.lane(f"item-{number:03}") != "done" or events.count("start") != 1:
            raise AssertionError(f"item-{number:03}: {events}")
        owner = next(entry.lease.owner for entry in entries if entry.lease)
        owners[owner] = owners.get(owner, 0) + 1
    return took, [*owners.values(), *[0] * (clones - len(owners))]


def _storm(place: Path) -> list[int]:
    """How many items each of the clones has finished when the time is over."""
    roots = _clones(place, _NOTHING, 1500, 1, _STORM)
    ticks = _ticks(roots)
    time.sleep(_STORM_S)
    if any(ended := [tick.poll() for tick in ticks if tick.poll() is not None]):
        raise AssertionError(f"clones gave up: {ended}")
    for tick in ticks:
        tick.send_signal(signal.SIGINT)
    for tick in ticks:
        tick.wait()
    world = World(roots[0])
    world.command("sync")
    journals = [path.read_text() for path in roots[0].glob("artifacts/**/journal.jsonl")]
    lines = [json.loads(line) for journal in journals for line in journal.splitlines()]
    done = Counter(line["owner"] for line in lines if line["event"] == "deliver")
    return [*done.values(), *[0] * (_STORM - len(done))]


def _ticks(roots: list[Path]) -> list["subprocess.Popen[bytes]"]:
    return [subprocess.Popen([*PROGRAM, "tick", "--drain"], cwd=root, stdout=subprocess.DEVNULL) for root in roots]


def _clones(place: Path, work: str, items: int, hands: int, clones: int) -> list[Path]:
    """Clones of one bare remote whose inbox holds so many items."""
    inbox = {f"queue/inbox/item-{number:03}.yaml": json.dumps({"title": "look"}) for number in range(items)}
    files = {"WORKFLOW.md": _WORKFLOW % hands, "contracts/work.yaml": _WORK % work, **inbox}
    world = build(place / "first", files, 20)
    remote = place / "remote.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(world.root), str(remote)], check=True)
    roots = [place / f"clone-{number}" for number in range(clones)]
    for root in roots:
        subprocess.run(["git", "clone", "-q", remote.as_uri(), str(root)], check=True)
    return roots
