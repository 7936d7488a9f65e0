"""Train: many items that one slow gate has to let through, with few hands and with many."""

import json
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import PROGRAM, Row, build, run, seconds
from tests.world import WORKFLOW, World

_COUNT = 20
_GATE_S = 2
_NAMES = [f"item-{number:02}" for number in range(_COUNT)]
_CONTRACT = {
    "purpose": "Do what the item says.",
    "worker": {"run": ["factory-scripted"]},
    "produces": {"patch": {"required": True}},
    "review": {"seats": [{"name": "tests", "kind": "checks"}]},
    "checks": [{"name": "gate", "run": ["sleep", str(_GATE_S)]}],
}


def measure(place: Path) -> Iterator[Row]:
    """The time for 20 items, and how often the gate was run for each, in both modes; beside the gates one by one."""
    alone = _COUNT * _GATE_S
    for mode, most_runs, most_time in (("every", 1.1, 0.35), ("tip", 0.15, 0.2)):
        for workers in (1, 8):
            took, runs = _pass(place / f"train-{mode}-{workers}", mode, workers)
            what = f"20 items, gate {_GATE_S} s, {mode}, {workers} workers"
            yield Row(what, took, "s", "<=", most_time if workers > 1 else 1.0, alone)
            yield Row(
                f"… gate runs an item, {mode}, {workers} workers", runs, "", "<=", most_runs if workers > 1 else 1.1
            )


def _pass(place: Path, mode: str, workers: int) -> tuple[float, float]:
    """(seconds for all of them, gate runs for one)."""
    agent = f"agent: {{max_concurrent_agents: {workers}, max_concurrent_checks: 8}}"
    policy = f"branch: main\nmerge: {{mode: {mode}}}\ncanary: off\n{agent}\n"
    files = {
        "WORKFLOW.md": WORKFLOW.replace("branch: main\n", policy),
        "contracts/scripted.yaml": json.dumps(_CONTRACT),
    }
    for name in _NAMES:
        inputs = json.dumps({"runs": [[{"write": {"path": f"{name}.txt", "text": "done\n"}}]]})
        files[f"queue/inbox/{name}.yaml"] = f"title: Do {name}\ninputs: {inputs}\n"
    world = build(place, files, 20)
    took = seconds(lambda: run(world.root, *PROGRAM, "tick", "--drain"))
    missing = [name for name in _NAMES if not (world.root / f"{name}.txt").is_file()]
    if missing:
        raise AssertionError(f"not merged: {missing}")
    return took, _gate_runs(world) / _COUNT


def _gate_runs(world: World) -> int:
    """How often the gate was run, by the evidence: once for each content that it was run on."""
    contents = set()
    for name in _NAMES:
        evidence = json.loads(world.artifacts(name)["run-1/recheck.json"])
        contents |= {ran["tree"] or evidence["tree"] for ran in evidence["ran"]}
    return len(contents)
