"""Whole: an item's way from inbox to main, beside a script that does the same git work by hand."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.benchmarks.measure import NOTHING_MUCH, PROGRAM, Row, build, run, seconds
from tests.world import WORKFLOW

_COUNT = 20
_NAMES = [f"item-{number:02}" for number in range(_COUNT)]
_FILES = {"WORKFLOW.md": WORKFLOW, "contracts/scripted.yaml": NOTHING_MUCH} | {
    f"queue/inbox/{name}.yaml": f"title: Do {name}\n" for name in _NAMES
}
# Worker, proposal, check in a clean checkout, merge, and the three moves of the item's file.
SCRIPT = """set -e
cells=$1; shift
move() {
    git mv "queue/$2/$1.yaml" "queue/$3/$1.yaml"
    git commit -q --only -m "$1 $2 -> $3" -- "queue/$2/$1.yaml" "queue/$3/$1.yaml"
}
mkdir -p queue/done/today
for name in "$@"; do
    move "$name" inbox active
    git worktree add -q -b "work/$name" "$cells/work" main
    (cd "$cells/work" && sh -c 'echo done > "$0.txt"' "$name" && git add -A && git commit -q -m "Do $name")
    move "$name" active review
    git worktree add -q --detach "$cells/check" "work/$name"
    (cd "$cells/check" && true)
    git merge -q --no-ff -m "Merge $name" "work/$name"
    move "$name" review done/today
    git worktree remove "$cells/work"
    git worktree remove "$cells/check"
    git branch -q -D "work/$name"
done
"""


def measure(place: Path) -> Iterator[Row]:
    """The time for one of 20 items. Beside 10,000 files the script needs minutes, so there it gets only 5."""
    for others, count, tries, limit in ((20, 20, 5, 1.0), (10_000, 5, 1, 1.0)):
        pairs = [_both(place / f"whole-{others}-{number}", others, count) for number in range(tries)]
        factory, script = (median(column) * 1000 for column in zip(*pairs, strict=True))
        yield Row(f"one item to main, {others} files", factory, "ms", "<=", limit, script)


def _both(place: Path, others: int, count: int) -> tuple[float, float]:
    """Seconds for one item, by the factory and by the script, which does only so many."""
    ours, theirs = build(place / "factory", _FILES, others), build(place / "script", _FILES, others)
    script = seconds(lambda: run(theirs.root, "bash", "-c", SCRIPT, "script", str(place / "cells"), *_NAMES[:count]))
    factory = seconds(lambda: run(ours.root, *PROGRAM, "tick", "--drain"))
    for world, names in ((ours, _NAMES), (theirs, _NAMES[:count])):
        missing = [name for name in names if not (world.root / f"{name}.txt").is_file()]
        if missing or world.status():
            raise AssertionError(f"not merged: {missing}; {world.status()}")
    return factory / _COUNT, script / count
