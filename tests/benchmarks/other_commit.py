"""Another commit of this project, with its own benchmarks, beside which this one is measured."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.measure import measured_in

_NO_SUCH_GROUP = 2
_PROJECT = Path(__file__).parents[2]


@contextmanager
def other_commit(commit: str, place: Path) -> Iterator[Callable[[str], dict[str, str]]]:
    """What measures one of its groups: each row's figure, by what is measured. A group that it lacks has no rows."""
    git = ("git", "-C", str(_PROJECT), "worktree")
    subprocess.run((*git, "add", "-q", "--detach", str(place), commit), check=True)
    try:
        yield lambda name: measured_in(_table_of(place, name))
    finally:
        subprocess.run((*git, "remove", "--force", str(place)), check=True)


def _table_of(place: Path, name: str) -> str:
    argv = (sys.executable, "-m", "tests.benchmarks", name)
    env = {**os.environ, "PYTHONPATH": str(place)}
    done = subprocess.run(argv, cwd=place, env=env, stdout=subprocess.PIPE, text=True, check=False)
    if not done.stdout and done.returncode != _NO_SUCH_GROUP:
        raise AssertionError(f"the benchmark {name} of the other commit ended with {done.returncode}")
    return done.stdout
