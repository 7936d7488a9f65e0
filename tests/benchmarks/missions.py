"""Missions: what each feature of a large one takes, beside as many plain items with the same work and checks."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.benchmarks.measure import PROGRAM, Row, build, run, seconds, side_by_side
from tests.world import World

_MILESTONES, _FEATURES, _ASSERTIONS = 10, 6, 5  # of the mission; of a milestone; of a feature
_NAMES = [f"f-{number:02}" for number in range(_MILESTONES * _FEATURES)]
_HALF_WAY = len(_NAMES) // 2
_WORKFLOW = "---\nbranch: main\nroutes: [{contract: work}]\nagent: {max_concurrent_agents: 1}\n---\n{{ item.title }}\n"
_WORK = """purpose: Write one file.
worker: {run: [sh, -c, 'echo done > "${0#shop.}.txt"', "{{ item.id }}"]}
review: {seats: [{name: tests, kind: checks}]}
"""
_SCRUTINY = """purpose: Look at what a milestone has come to.
worker: {run: ["true"]}
produces: {patch: {required: false}}
review: {seats: [{name: tests, kind: checks}]}
"""
_MISSION = """purpose: Plan.
worker: {run: [sh, -c, 'mkdir -p contracts/missions/shop; cp plan/*.yaml contracts/missions/shop']}
produces: {plan: true, patch: {paths: ["contracts/missions/**"]}}
review: {seats: [{name: human, kind: human}]}
"""


def _criteria(name: str) -> list[dict[str, object]]:
    about = {"text": f"{name} is done", "check": ["test", "-e", f"{name}.txt"]}
    return [{"id": f"VAL-{name}-{number}", **about} for number in range(_ASSERTIONS)]


def _plan() -> dict[str, object]:
    parts = [_NAMES[first : first + _FEATURES] for first in range(0, len(_NAMES), _FEATURES)]
    features = [
        [{"id": name, "title": f"Make {name}", "fulfills": [each["id"] for each in _criteria(name)]} for name in part]
        for part in parts
    ]
    milestones = [{"id": f"m{number}", "title": "A part", "features": each} for number, each in enumerate(features)]
    return {"goal": "A shop", "milestones": milestones}


def measure(place: Path) -> Iterator[Row]:
    """A mission of 300 assertions, 60 features and 10 milestones, and a look at it when half of these are done."""
    common = {"WORKFLOW.md": _WORKFLOW, "contracts/work.yaml": _WORK}
    items = {f"queue/inbox/{name}.yaml": json.dumps({"title": name, "acceptance": _criteria(name)}) for name in _NAMES}
    plain = build(place / "plain", {**common, **items}, 20)
    apart = seconds(lambda: _until(plain, _HALF_WAY))
    mission = build(place / "mission", {**common, **_files()}, 20)
    run(mission.root, *PROGRAM, "tick", "--drain")
    mission.verdict("shop", "approve")
    together = seconds(lambda: _until(mission, _HALF_WAY))
    status, of_items = side_by_side(5, *(partial(run, each.root, *PROGRAM, "status") for each in (mission, plain)))
    apart += seconds(lambda: run(plain.root, *PROGRAM, "tick", "--drain"))
    together += seconds(lambda: run(mission.root, *PROGRAM, "tick", "--drain"))
    if plain.lane(_NAMES[-1]) != "done" or mission.lane("shop") != "done":
        raise AssertionError(mission.command("status"))
    each = len(_NAMES)
    yield Row("a feature of 60, with all around it", together / each * 1000, "ms", "<=", 1.5, apart / each * 1000)
    yield Row("status of a mission of 300 assertions", status * 1000, "ms", "<=", 1.5, of_items * 1000)


def _files() -> dict[str, str]:
    asserted = [{**each, "reads": [f"{name}.txt"]} for name in _NAMES for each in _criteria(name)]
    return {
        "contracts/mission.yaml": _MISSION,
        "contracts/scrutiny.yaml": _SCRUTINY,
        "plan/assertions.yaml": json.dumps(asserted),
        "plan/plan.yaml": json.dumps(_plan()),
        "queue/inbox/shop.yaml": "title: A shop\ncontract: mission\n",
    }


def _until(world: World, done: int) -> None:
    """Let it work until so many items are done."""
    worker = subprocess.Popen([*PROGRAM, "tick", "--drain"], cwd=world.root, stdout=subprocess.DEVNULL)
    while worker.poll() is None and len(list(world.root.glob("queue/done/*/*f-*.yaml"))) < done:
        time.sleep(0.5)
    worker.send_signal(signal.SIGINT)
    worker.wait()
