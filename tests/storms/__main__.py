"""`python -m tests.storms NAME [--seed N] [--many N]`: a long run of chance, which says what it did and what broke."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.measure import home_of_its_own
from tests.storms import branches, git, kills

# (folder, seed, how many) -> how many it was
_STORMS: dict[str, Callable[[Path, int, int], int]] = {
    "branches": branches.storm,
    "git": git.storm,
    "kills": kills.storm,
}
_MANY = {"branches": 500, "git": 1000, "kills": 500}


def main() -> int:
    """Let one storm loose; an assertion names what it found."""
    asked = argparse.ArgumentParser(prog="python -m tests.storms")
    asked.add_argument("name", choices=sorted(_STORMS))
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--many", type=int)
    chosen = asked.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="storm-") as place, home_of_its_own(Path(place) / "home"):
        did = _STORMS[chosen.name](Path(place), chosen.seed, chosen.many or _MANY[chosen.name])
    sys.stdout.write(f"{chosen.name}: {did} from seed {chosen.seed} on, in {time.monotonic() - began:.0f} s\n")
    return 0


sys.exit(main())
