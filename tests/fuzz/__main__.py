"""`python -m tests.fuzz [--seed N] [--count N] [--whole N]`: files that nobody would write; says which seeds fail."""

import argparse
import collections
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.benchmarks.measure import home_of_its_own
from tests.fuzz.doors import through
from tests.fuzz.inputs import SEEDS, Input, make
from tests.fuzz.town import build, rounds, visit

_SLOW_S = 2.0  # of processor time, for one file


def inputs(seed: int, count: int) -> list[Input]:
    """So many files, of every kind in turn."""
    kinds = list(SEEDS)
    return [make(kinds[number % len(kinds)], seed, number // len(kinds)) for number in range(count)]


def through_doors(given: list[Input]) -> list[str]:
    """What went wrong at the doors."""
    wrong: list[str] = []
    taken: collections.Counter[str] = collections.Counter()
    for each in given:
        began = time.process_time()
        try:
            taken[each.kind] += through(each)
        except Exception:
            wrong.append(f"{each.seed}: {traceback.format_exc(limit=-3)}")
        if time.process_time() - began > _SLOW_S:
            wrong.append(f"{each.seed}: took {time.process_time() - began:.1f} s for {len(each.data)} bytes")
    sys.stdout.write(f"{len(given)} files at the doors, {taken.total()} of them taken: {dict(taken)}\n")
    return wrong


def through_commands(given: list[Input]) -> list[str]:
    """What went wrong in whole commands."""
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="fuzz-") as place, home_of_its_own(Path(place) / "home"):
        build(Path(place) / "template")
        for number, group in enumerate(rounds(given)):
            try:
                visit(Path(place) / "template", Path(place) / str(number), group)
            except Exception:
                wrong.append(f"{', '.join(each.seed for each in group)}: {traceback.format_exc(limit=-4)}")
    sys.stdout.write(f"{len(given)} files in whole repositories\n")
    return wrong


def main() -> int:
    """1 when anything but a located message came of any file."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=10_000, help="files in all")
    parser.add_argument("--whole", type=int, default=400, help="of them in whole repositories, under every command")
    chosen = parser.parse_args()
    given = inputs(chosen.seed, chosen.count)
    whole = min(chosen.whole, len(given))
    wrong = through_doors(given) + through_commands(given[-whole:] if whole else [])
    sys.stdout.write("".join(f"{each}\n" for each in wrong) + f"{len(wrong)} failed\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
