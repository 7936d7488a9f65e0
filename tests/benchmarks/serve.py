"""Serve: how quickly `factory serve` answers with 500 open items, and how soon it tells of a move."""

import http.client
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from tests.benchmarks.measure import NOTHING_MUCH, PROGRAM, Row, build, run
from tests.world import WORKFLOW, World

_JUDGED, _HELD, _RUNS = 100, 400, 4
_FILES = {
    "WORKFLOW.md": WORKFLOW.replace("branch: main", "branch: main\nlimits: {review: 200}"),
    "contracts/scripted.yaml": NOTHING_MUCH.replace("kind: checks}]", "kind: checks}, {name: human, kind: human}]"),
}
_FILES["contracts/lasts.yaml"] = NOTHING_MUCH.replace("echo done", "while sleep 0.2; do echo on; done; echo done")
_FILES |= {f"queue/inbox/item-{number}.yaml": f"title: Item {number}\n" for number in range(_JUDGED)}
_FILES |= {f"queue/inbox/held-{number}.yaml": f"title: Held {number}\nhold: true\n" for number in range(_HELD)}
_PATIENCE_S = 30.0
_ASKED, _MOVES = 1000, 20


def measure(place: Path) -> Iterator[Row]:
    """Beside nobody, with 400 items on hold and 100 that wait for a verdict; moves are those of a person's commits."""
    world = build(place / "serve", _FILES, 20)
    run(world.root, *PROGRAM, "tick", "--drain")
    with _serving(world) as port:
        for path in ("state", "status", "item-7"):
            yield Row(f"GET /api/v1/{path}, 500 open items, p99 warm", _p99(port, path), "ms", "<=", 20)
        told, anew = _moves(world, port)
    yield Row("GET /api/v1/state, the first after a move", anew, "ms", "<=", 300)
    yield Row("a move until its event", told, "ms", "<=", 300)
    for number in range(_RUNS):
        world.write(f"queue/inbox/lasts-{number}.yaml", "title: Go on\ncontract: lasts\n")
    with _serving(world, "run") as port:
        world.until(lambda: _running(port) == _RUNS, _PATIENCE_S)
        time.sleep(2)
        yield Row("GET /api/v1/state in factory run, 4 runs, p99 warm", _p99(port, "state"), "ms", "<=", 20)


def _running(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    connection.request("GET", "/api/v1/state")
    running: int = json.loads(connection.getresponse().read())["counts"]["running"]
    connection.close()
    return running


@contextmanager
def _serving(world: World, command: str = "serve") -> Iterator[int]:
    pipe, none = subprocess.PIPE, subprocess.DEVNULL
    process = subprocess.Popen((*PROGRAM, command, "--port", "0"), cwd=world.root, stdout=pipe, stderr=none, text=True)
    assert process.stdout is not None
    try:
        port = urlsplit(process.stdout.readline().strip()).port
        assert port is not None
        yield port
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=_PATIENCE_S)


def _asked(connection: http.client.HTTPConnection, path: str) -> float:
    """Milliseconds until an answer was there as a whole."""
    began = time.perf_counter()
    connection.request("GET", f"/api/v1/{path}")
    assert connection.getresponse().read()
    return (time.perf_counter() - began) * 1000


def _p99(port: int, path: str) -> float:
    """Of so many requests, 5 ms after one another: every tenth looks whether something has moved."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    _asked(connection, path)
    found = []
    for _ in range(_ASKED):
        found.append(_asked(connection, path))
        time.sleep(0.005)
    connection.close()
    return sorted(found)[int(_ASKED * 0.99)]


def _moves(world: World, port: int) -> tuple[float, float]:
    """Milliseconds (until the event of a move, for the first state after a move), medians."""
    told, anew = [], []
    following = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    following.request("GET", "/api/v1/events")
    events = following.getresponse()
    _next(events)
    for number in range(_MOVES):
        _move(world, number)
        moved = time.perf_counter()
        while world.git("rev-parse", "main") not in _next(events):
            pass
        told.append((time.perf_counter() - moved) * 1000)
        time.sleep(0.5)
    following.close()
    time.sleep(2)
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    for number in range(_MOVES, 2 * _MOVES):
        _move(world, number)
        time.sleep(0.1)
        anew.append(_asked(asking, "state"))
    asking.close()
    return median(told), median(anew)


def _next(events: http.client.HTTPResponse) -> str:
    while not (line := events.readline().decode()).startswith("data:"):
        assert line
    return line


def _move(world: World, number: int) -> None:
    world.git("mv", f"queue/inbox/held-{number}.yaml", f"queue/blocked/held-{number}.yaml")
    world.git("commit", "-q", "-m", f"Block held-{number}")
