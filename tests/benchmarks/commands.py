"""Commands: how long a person waits for the program to say something."""

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import NOTHING_MUCH, PROGRAM, Row, build, run, side_by_side
from tests.world import WORKFLOW

_WORKED, _BLOCKED, _HELD = 60, 20, 40
_FILES = {
    "WORKFLOW.md": WORKFLOW.replace("branch: main", "branch: main\nlimits: {review: 100}"),
    "contracts/scripted.yaml": NOTHING_MUCH.replace("kind: checks}]", "kind: checks}, {name: human, kind: human}]"),
}
_FILES |= {f"queue/inbox/item-{number}.yaml": f"title: Item {number}\nlabels: [a]\n" for number in range(_WORKED)}
_FILES |= {f"queue/inbox/held-{number}.yaml": f"title: Held {number}\nhold: true\n" for number in range(_HELD)}


def measure(place: Path) -> Iterator[Row]:
    """`--help`, and `status` of 40 items on hold, 40 that wait for a verdict and 20 that a person has blocked."""
    world = build(place / "commands", _FILES, 20)
    run(world.root, *PROGRAM, "tick", "--drain")
    for number in range(_BLOCKED):
        world.git("mv", f"queue/review/item-{number}.yaml", f"queue/blocked/item-{number}.yaml")
    world.commit("Not now")
    run(world.root, *PROGRAM, "tick")
    factory = str(Path(sys.executable).with_name("factory"))
    empty, answer, status = side_by_side(
        15,
        lambda: run(world.root, sys.executable, "-c", "pass"),
        lambda: run(world.root, factory, "--help"),
        lambda: run(world.root, factory, "status"),
    )
    yield Row("factory --help, beyond python -c pass", (answer - empty) * 1000, "ms", "<=", 100)
    yield Row("factory status, beyond python -c pass", (status - empty) * 1000, "ms", "<=", 200)
