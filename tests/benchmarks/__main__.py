"""`python -m tests.benchmarks [name…]`: measure, and print one table."""

import sys
import tempfile
from pathlib import Path

from tests.benchmarks import audit, commands, hands, idle, moves, response, train, waiting, whole
from tests.benchmarks.measure import Row, home_of_its_own, table

_GROUPS = {
    "moves": moves.measure,
    "waiting": waiting.measure,
    "idle": idle.measure,
    "commands": commands.measure,
    "response": response.measure,
    "whole": whole.measure,
    "small": hands.measure_small,
    "hands": hands.measure,
    "train": train.measure,
    "audit": audit.measure,
}


def main(names: list[str]) -> int:
    """Run the named groups, or all; 1 when a target was missed."""
    unknown = set(names) - _GROUPS.keys()
    if unknown:
        sys.stderr.write(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(_GROUPS)}\n")
        return 2
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as place, home_of_its_own(Path(place) / "home"):
        for name in names or _GROUPS:
            for row in _GROUPS[name](Path(place) / name):
                sys.stderr.write(f"{name}: {row.what}\n")
                rows.append(row)
    sys.stdout.write(table(rows) + "\n")
    return 0 if all(row.met for row in rows) else 1


sys.exit(main(sys.argv[1:]))
