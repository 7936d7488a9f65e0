"""Idle: what `factory run` takes of a processor while 10,000 items wait and nothing happens."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import PROGRAM, Row, build, run
from tests.benchmarks.waiting import BATCHED, write_batch
from tests.world import World

_SETTLING_S, _MEASURED_S = 70.0, 60.0  # two looks at the clock's bidding each: it is left out from the second one on
_TICKS = os.sysconf("SC_CLK_TCK")


def measure(place: Path) -> Iterator[Row]:
    """The time of the process, and of all that it starts, as a share of a minute."""
    world = build(place / "idle", BATCHED, 20)
    write_batch(world.root / "queue/inbox")
    world.commit("Many items")
    run(world.root, *PROGRAM, "tick")
    yield Row("idle run, 10,000 waiting: of a core", _share(world) * 100, "%", "<=", 0.5)


def _share(world: World) -> float:
    pipe, none = subprocess.PIPE, subprocess.DEVNULL
    process = subprocess.Popen((*PROGRAM, "run"), cwd=world.root, stdout=pipe, stderr=none, text=True)
    try:
        time.sleep(_SETTLING_S)
        before = _seconds(process.pid)
        time.sleep(_MEASURED_S)
        return (_seconds(process.pid) - before) / _MEASURED_S
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def _seconds(pid: int) -> float:
    """What a process has used, and those that it has waited for (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS
