"""Clones: one queue on one bare remote, worked on by four clones, beside one clone that does all of it alone."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import PROGRAM, Row, build, seconds
from tests.world import World

_CLONES, _STORM = 4, 8
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
    alone, _ = _done(place / "slow-alone", _SECOND, 40, 1, 1)
    together, _ = _done(place / "slow-together", _SECOND, 40, 1, _CLONES)
    yield Row("4 clones, a second of work each, one worker in each, beside one clone", alone / together, "x", ">=", 3.5)
    _, shares = _done(place / "storm", _NOTHING, 50 * _STORM, 1, _STORM)
    yield Row(
        "8 clones at once: what the slowest did, of its share", min(shares) / (sum(shares) / _STORM), "", ">=", 0.33
    )


def _done(place: Path, work: str, items: int, hands: int, clones: int) -> tuple[float, list[int]]:
    """(seconds until every item is done, the runs of each clone)."""
    inbox = {f"queue/inbox/item-{number:03}.yaml": json.dumps({"title": "look"}) for number in range(items)}
    files = {"WORKFLOW.md": _WORKFLOW % hands, "contracts/work.yaml": _WORK % work, **inbox}
    world = build(place / "first", files, 20)
    remote = place / "remote.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(world.root), str(remote)], check=True)
    roots = [place / f"clone-{number}" for number in range(clones)]
    for root in roots:
        subprocess.run(["git", "clone", "-q", remote.as_uri(), str(root)], check=True)

    def work_together() -> None:
        ticks = [subprocess.Popen([*PROGRAM, "tick", "--drain"], cwd=root, stdout=subprocess.DEVNULL) for root in roots]
        gave_up = [tick.wait() for tick in ticks]
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
