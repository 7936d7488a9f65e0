"""`python -m tests.sync_machine [--steps N] [--seed N]`: a long run of the machine of clones; says what it did."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from hypothesis import seed
from hypothesis.stateful import run_state_machine_as_test

from tests.benchmarks.measure import home_of_its_own
from tests.one_scan import one_scan
from tests.sync_machine.machine import Clones, did
from tests.sync_machine.setting import of_length

_MACHINES, _STEPS = 11, 50  # of one seed, the first of which is not of chance; of one machine


def main() -> int:
    """Let machines run until they have done so many steps; an assertion says what was found."""
    asked = argparse.ArgumentParser(prog="python -m tests.sync_machine")
    asked.add_argument("--steps", type=int, default=5000)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--keep", type=Path, metavar="FOLDER", help="where to leave the clones of the first that fails")
    chosen = asked.parse_args()
    Clones.keep = chosen.keep
    began, number = time.monotonic(), chosen.seed
    with (
        tempfile.TemporaryDirectory(prefix="sync-machine-") as place,
        home_of_its_own(Path(place) / "home"),
        one_scan(),
    ):
        while did["steps"] < chosen.steps:
            machine = type("Clones", (Clones,), {})
            seed(number)(machine)
            try:
                run_state_machine_as_test(machine, settings=of_length(_MACHINES, _STEPS))
            finally:
                sys.stdout.write(f"seed {number}: {did['steps']} steps, {time.monotonic() - began:.0f} s\n")
                sys.stdout.flush()
            number += 1
    sys.stdout.write("".join(f"{many:7} {what}\n" for what, many in sorted(did.items())))
    return 0


sys.exit(main())
