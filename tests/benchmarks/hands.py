"""Hands: whether more workers ever make it slower, and what many small items cost beside a script that does them."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.benchmarks.measure import PROGRAM, Row, build, run, seconds
from tests.benchmarks.whole import SCRIPT
from tests.world import WORKFLOW

_WORSE = 1.1  # what chance makes of the same work


class _Load(NamedTuple):
    """What is to be done."""

    name: str
    items: int
    work_s: float
    gate_s: float
    workers: tuple[int, ...]


_SMALL = _Load("40 small items", 40, 0, 0, (1, 2, 4, 8, 16))
_SLOW = (
    _Load("20 items, gate 2 s", 20, 0, 2, (1, 2, 4, 8, 16)),
    _Load("20 items, work 10 s, gate 2 s", 20, 10, 2, (4, 8, 16)),
    _Load("40 items, work 5 s", 40, 5, 0, (10, 20)),
)
_BESIDE_A_SCRIPT = {1: 1.3, 2: 1.0, 4: 0.9}
_SLEEPING = {("20 items, work 10 s, gate 2 s", 8): 36.0}


def measure_small(place: Path) -> Iterator[Row]:
    """40 items with one file and one quick check each, beside a script that makes the same commits one by one."""
    scripts: list[float] = []
    taken: dict[int, list[float]] = {workers: [] for workers in _SMALL.workers}
    for number in range(3):  # in turns: what else the machine does is as hard on one as on the other
        scripts.append(_by_script(place / f"script-{number}"))
        for workers in _SMALL.workers:
            taken[workers].append(_by_factory(place / f"small-{workers}-{number}", _SMALL, workers))
    script, times = median(scripts), {workers: median(found) for workers, found in taken.items()}
    for workers, limit in _BESIDE_A_SCRIPT.items():
        yield Row(f"{_SMALL.name}, {workers} workers", times[workers], "s", "<=", limit, script)
    yield from _never_slower(_SMALL, times)


def measure(place: Path) -> Iterator[Row]:
    """Work and gates that last, with few hands and with many."""
    for load in _SLOW:
        times: dict[int, float] = {}
        for workers in load.workers:
            times[workers] = _by_factory(place / f"{load.name.replace(' ', '-')}-{workers}", load, workers)
            limit = _SLEEPING.get((load.name, workers))
            if limit is not None:
                yield Row(f"{load.name}, {workers} workers", times[workers], "s", "<=", limit)
        if not load.gate_s:
            most = max(load.workers)
            ideal = load.items * load.work_s / most
            yield Row(f"{load.name}, {most} workers: at work", ideal / times[most], "", ">=", 0.92)
        yield from _never_slower(load, times)


def _never_slower(load: _Load, times: dict[int, float]) -> Iterator[Row]:
    """The worst that more workers come to, beside the best of all that had fewer."""
    ratios = {many: times[many] / min(times[few] for few in load.workers if few < many) for many in load.workers[1:]}
    worst = max(ratios, key=lambda many: ratios[many])
    yield Row(f"{load.name}, {worst} workers beside fewer", ratios[worst], "x", "<=", _WORSE)


def _files(load: _Load, workers: int) -> dict[str, str]:
    check = ["sleep", f"{load.gate_s:g}"] if load.gate_s else ["sh", "-c", 'test -s "$0.txt"', "{{ item.id }}"]
    work = 'sleep "$1"; echo done > "$0.txt"' if load.work_s else 'echo done > "$0.txt"'
    contract = {
        "purpose": "Write one file.",
        "worker": {"run": ["sh", "-c", work, "{{ item.id }}", f"{load.work_s:g}"]},
        "produces": {"patch": {"required": True}},
        "checks": [{"name": "gate", "run": check}],
        "review": {"seats": [{"name": "tests", "kind": "checks"}]},
    }
    agent = f"branch: main\nlimits: {{review: 100}}\nagent: {{max_concurrent_agents: {workers}}}\n"
    files = {"WORKFLOW.md": WORKFLOW.replace("branch: main\n", agent), "contracts/scripted.yaml": json.dumps(contract)}
    return files | {f"queue/inbox/{name}.yaml": f"title: Do {name}\n" for name in _names(load)}


def _names(load: _Load) -> list[str]:
    return [f"item-{number:02}" for number in range(load.items)]


def _by_factory(place: Path, load: _Load, workers: int) -> float:
    world = build(place, _files(load, workers), 20)
    taken = seconds(lambda: run(world.root, *PROGRAM, "tick", "--drain"))
    missing = [name for name in _names(load) if not (world.root / f"{name}.txt").is_file()]
    if missing or world.status():
        raise AssertionError(f"not merged: {missing}; {world.status()}")
    shutil.rmtree(place)
    return taken


def _by_script(place: Path) -> float:
    world = build(place / "script", _files(_SMALL, 1), 20)
    return seconds(lambda: run(world.root, "bash", "-c", SCRIPT, "script", str(place / "cells"), *_names(_SMALL)))
