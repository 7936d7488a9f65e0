"""Mutants: faults of one line each, in protocol, gate and train, which the simulation has to find."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.oracle import UNPLANTED

_ROOT = Path(__file__).resolve().parents[2]
_LIST = Path(__file__).with_name("mutants.txt")
_FACTORY, _TESTS = _ROOT / "factory", _ROOT / "tests"


@dataclass(frozen=True)
class Mutant:
    """A line of the program, and what stands there instead."""

    path: str  # below factory/
    before: str
    after: str

    @property
    def place(self) -> int:
        """The number of the first such line. Raises ValueError when the program has none."""
        lines = (_FACTORY / self.path).read_text().split("\n")
        return [line.strip() for line in lines].index(self.before)

    def __str__(self) -> str:
        return f"{self.path}: {self.before} -> {self.after}"


def _read() -> Iterator[Mutant]:
    """Those of the list: a file, then a line of it and what stands there instead."""
    lines = iter(_LIST.read_text().split("\n"))
    for line in lines:
        if line and not line.startswith("#"):
            yield Mutant(line, next(lines).removeprefix("- "), next(lines).removeprefix("+ "))


MUTANTS = tuple(_read())


def killed(mutant: Mutant, seeds: int, length: int) -> str:
    """What a simulation of so many seeds finds in a program that has this fault; empty when nothing."""
    with tempfile.TemporaryDirectory(prefix="factory-mutant-") as folder:
        root = Path(folder)
        shutil.copytree(_FACTORY, root / "factory")
        (root / "tests").symlink_to(_TESTS)
        place = root / "factory" / mutant.path
        lines = place.read_text().split("\n")
        line = lines[mutant.place]
        lines[mutant.place] = line[: len(line) - len(line.lstrip())] + mutant.after
        place.write_text("\n".join(lines))
        argv = (sys.executable, "-m", "tests.simulation", "--length", str(length))
        more = ("seeds", "--many", str(seeds), "--processes", "1")
        env = {**os.environ, UNPLANTED: str(_ROOT)}
        done = subprocess.run((*argv, *more), cwd=root, env=env, capture_output=True, text=True, check=False)
    if not done.returncode:
        return ""
    return next(iter(done.stdout.strip().split("\n")), "") or done.stderr.strip().split("\n")[-1]


def hunt(mutants: Sequence[Mutant], seeds: int, length: int, processes: int) -> Iterator[tuple[Mutant, str]]:
    """Each mutant, with what was found in it; as they are found."""
    with ThreadPoolExecutor(processes) as pool:
        yield from zip(mutants, pool.map(lambda each: killed(each, seeds, length), mutants), strict=True)
