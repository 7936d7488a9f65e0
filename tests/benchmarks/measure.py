"""What every benchmark needs: clocks, medians, a repository of any size, and rows of a table."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

from tests.world import World

PROGRAM = (sys.executable, "-m", "factory")
NOTHING_MUCH = """purpose: Write one file.
worker: {run: [sh, -c, 'echo done > "$0.txt"', "{{ item.id }}"]}
produces: {patch: {required: true}}
checks: [{name: fine, run: ["true"]}]
review: {seats: [{name: tests, kind: checks}]}
"""
_ITEMS_A_DAY = 1000


@dataclass(frozen=True)
class Row:
    """One line of the table. With something to compare with, the limit is one of the ratio."""

    what: str
    measured: float
    unit: str
    bound: Literal["<=", ">="]
    limit: float
    compared: float | None = None
    there: str = ""  # what another commit comes to

    @property
    def met(self) -> bool:
        value = self.measured / self.compared if self.compared else self.measured
        return value <= self.limit if self.bound == "<=" else value >= self.limit

    def cells(self) -> tuple[str, ...]:
        ratio = f"{self.measured / self.compared:.2f}" if self.compared else ""
        compared = f"{self.compared:.4g} {self.unit}" if self.compared else ""
        target = f"{self.bound} {self.limit:g} {'x' if self.compared else self.unit}"
        measured = f"{self.measured:.4g} {self.unit}"
        return self.what, self.there, measured, compared, ratio, target, "" if self.met else "missed"


def measured_in(table: str) -> dict[str, str]:
    """What each row of a printed table says was measured, by what it was."""
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("|")]
    column = lines[0].index("measured") if lines else 0
    return {line[0]: line[column] for line in lines[2:]}


def table(rows: Sequence[Row], other: str = "") -> str:
    """The rows as a Markdown table, its columns under one another; one more for what another commit comes to."""
    lines = [("what", other, "measured", "compared with", "ratio", "target", ""), *(row.cells() for row in rows)]
    if not other:
        lines = [(what, *cells) for what, _, *cells in lines]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join("| " + " | ".join(f"{c:{w}}" for c, w in zip(line, widths, strict=True)) + " |" for line in lines)


@contextmanager
def home_of_its_own(place: Path) -> Iterator[None]:
    """Neither the user's git configuration nor their cache plays a part. A home that is there serves as it is."""
    before = dict(os.environ)
    if not place.exists():
        place.mkdir()
        (place / ".gitconfig").write_text(
            "[user]\n\tname = Ann\n\temail = ann@example.org\n[init]\n\tdefaultBranch = main\n"
            "[maintenance]\n\tauto = false\n"  # a process more for every commit, which finds too little to do anything
        )
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        del os.environ[name]
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # of whoever measures: the program's start would be compiled anew
    os.environ |= {"HOME": str(place), "XDG_CACHE_HOME": str(place / "cache")}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def seconds(work: Callable[[], object]) -> float:
    """How long something takes once."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def side_by_side(count: int, *works: Callable[[], object]) -> list[float]:
    """The median time of each, measured in turns, so that a busy machine is as hard on one as on the other."""
    taken = [[seconds(work) for work in works] for _ in range(count)]
    return [median(column) for column in zip(*taken, strict=True)]


def run(root: Path, *argv: str) -> None:
    """Run a program to its end; its output is of no interest unless it fails."""
    done = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{' '.join(argv)} ended with {done.returncode}: {done.stdout}{done.stderr}")


def build(root: Path, files: Mapping[str, str], others: int, done: int = 0) -> World:
    """A repository in one commit: these files, `others` small ones, and `done` finished items, 1,000 a day."""
    root.mkdir(parents=True)
    world = World(root)
    world.git("init", "-q", "-b", "main")
    contents = {**files, **{f"source/{n // 100:03}/{n % 100:02}.txt": f"file {n}\n" for n in range(others)}}
    contents |= {f"queue/{lane}/.gitkeep": "" for lane in ("inbox", "active", "review", "rework", "blocked", "done")}
    lines = [b"blob\nmark :1\ndata 12\ntitle: done\n\n", b"blob\nmark :2\ndata 3\n{}\n\n"]
    lines += [b"commit refs/heads/main\ncommitter Ann <ann@example.org> 1700000000 +0000\ndata 13\nThe beginning\n"]
    for path, text in contents.items():
        lines.append(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(text.encode()), text.encode()))
    for number in range(done):
        day = f"{2000 + number // _ITEMS_A_DAY}-01-01"
        lines.append(f"M 100644 :1 queue/done/{day}/item-{number}.yaml\n".encode())
        lines.append(f"M 100644 :2 artifacts/done/{day}/item-{number}/journal.jsonl\n".encode())
    subprocess.run(["git", "fast-import", "--quiet"], cwd=root, input=b"".join(lines), check=True)
    if not done:  # so many are never looked at in the working tree
        world.git("reset", "-q", "--hard")
    return world
