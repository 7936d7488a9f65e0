"""`python -m tests.benchmarks [name…] [--beside COMMIT]`: measure, and print one table."""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tests.benchmarks import (
    audit,
    board,
    clones,
    commands,
    dask,
    fold,
    hands,
    idle,
    missions,
    moves,
    response,
    serve,
    train,
    waiting,
    whole,
)
from tests.benchmarks.measure import Row, home_of_its_own, table
from tests.benchmarks.other_commit import other_commit

_GROUPS = {
    "moves": moves.measure,
    "waiting": waiting.measure,
    "idle": idle.measure,
    "commands": commands.measure,
    "response": response.measure,
    "serve": serve.measure,
    "whole": whole.measure,
    "small": hands.measure_small,
    "hands": hands.measure,
    "train": train.measure,
    "audit": audit.measure,
    "missions": missions.measure,
    "clones": clones.measure,
    "fold": fold.measure,
    "board": board.measure,
    "dask": dask.measure,
}


def main() -> int:
    """Run the named groups, or all; 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(_GROUPS))
    parser.add_argument("--beside", metavar="COMMIT", help="measure what another commit comes to too, group by group")
    asked = parser.parse_args()
    unknown = set(asked.names) - _GROUPS.keys()
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(_GROUPS)}")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as made, ExitStack() as stack:
        place = Path(made)
        stack.enter_context(home_of_its_own(place / "home"))
        other = stack.enter_context(other_commit(asked.beside, place / "other")) if asked.beside else None
        for name in asked.names or _GROUPS:
            there = other(name) if other else {}
            for row in _GROUPS[name](place / name):
                sys.stderr.write(f"{name}: {row.what}\n")
                rows.append(replace(row, there=there.get(row.what, "")))
    sys.stdout.write(table(rows, asked.beside or "") + "\n")
    return 0 if all(row.met for row in rows) else 1


sys.exit(main())
