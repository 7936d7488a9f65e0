"""A person at work with git beside a busy factory: what they do, and what they believe their files hold."""

import random
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from types import TracebackType

from tests.witness import FACTORY
from tests.world import World

_FILES = 6
_LINES = 60
_PATIENCE_S = 120.0
_TRIES = 20


@dataclass
class Person:
    """One person in one working tree; every call of git is counted, and so is each that was refused."""

    world: World
    chance: random.Random
    calls: int = 0
    refused: list[str] = field(default_factory=list)
    mine: dict[str, str] = field(default_factory=dict)  # what the person's files hold
    edits: int = 0

    def begin(self) -> None:
        """Files of the person's own, committed."""
        for number in range(_FILES):
            self.mine[f"my/f{number}.txt"] = "".join(f"line {line}\n" for line in range(_LINES))
            self.world.write(f"my/f{number}.txt", self.mine[f"my/f{number}.txt"])
        self.world.commit("Mine")

    def git(self, *arguments: str, fine: tuple[int, ...] = (0,)) -> bool:
        """One call; whether it did what was wanted."""
        self.calls += 1
        done = subprocess.run(
            ["git", *arguments], cwd=self.world.root, capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode not in fine:
            said = (done.stderr + done.stdout).strip().replace("\n", " | ")
            self.refused.append(f"git {' '.join(arguments[:2])}: {said[:200]}")
        return done.returncode == 0

    def again(self, *arguments: str) -> None:
        """A call that has to succeed, a moment later where it was refused at first."""
        for _ in range(_TRIES):
            if self.git(*arguments):
                return
            time.sleep(0.1)
        raise AssertionError(f"never done: {self.refused[-1]}")

    def brings_in(self, *arguments: str) -> None:
        """A merge, or a pull, from its beginning again where it was refused half way."""
        for _ in range(_TRIES):
            if self.git(*arguments):
                return
            time.sleep(0.1)
            # One that lost the race for the branch leaves its files in the tree; all of mine is committed.
            half_way = (self.world.root / ".git/MERGE_HEAD").exists()
            self.git(*(("merge", "--abort") if half_way else ("reset", "-q", "--merge")))
        raise AssertionError(f"never brought in: {self.refused[-1]}")

    def edit(self) -> str:
        """One line of one file."""
        path = self.chance.choice(sorted(self.mine))
        self.edits += 1
        lines = self.mine[path].split("\n")
        lines[self.chance.randrange(_LINES)] = f"edit {self.edits}"
        self.mine[path] = "\n".join(lines)
        self.world.write(path, self.mine[path])
        return path

    def save(self) -> None:
        """Commit whatever is changed of the person's own."""
        self.again("add", "my")
        for _ in range(_TRIES):
            if self.git("diff", "--cached", "--quiet", "--", "my", fine=(0, 1)) or self.git(
                "commit", "-q", "-m", f"mine {self.edits}"
            ):
                return
            time.sleep(0.1)
        raise AssertionError(f"never committed: {self.refused[-1]}")

    def look(self, after: str) -> None:
        """Every file is as the person left it."""
        for path, text in self.mine.items():
            assert self.world.read(path) == text, f"{path} is not what it was, after {after}"

    def share_refused(self) -> float:
        """In percent of all calls."""
        return 100 * len(self.refused) / max(1, self.calls)


class Busy:
    """`factory run` beside a person, until the end of the block."""

    def __init__(self, world: World) -> None:
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed when the run has ended
        self._process = subprocess.Popen(
            [*FACTORY, "run"], cwd=world.root, stdin=subprocess.DEVNULL, stdout=self._said, stderr=self._said
        )

    def __enter__(self) -> "Busy":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        ended = self._process.poll()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_PATIENCE_S)
        finally:
            self._process.kill()
        self._said.seek(0)
        said = self._said.read()
        self._said.close()
        if kind is None:
            assert ended is None, f"the run ended with {ended}: {said[-2000:]}"
            assert "Traceback" not in said, said[-4000:]


def finish(world: World, ids: list[str]) -> None:
    """Bring what is left to its end, and see that every item was done once and the history is as it should be."""
    world.factory("tick", "--drain", "--patience", "30")
    for item_id in ids:
        assert world.lane(item_id) == "done", (item_id, world.last(item_id))
        assert world.events(item_id).count("finish") == 1, item_id
        assert world.read(f"out/{item_id}.txt") == f"{item_id}\n"
    world.factory("audit")


def bring(world: World, chance: random.Random, item_id: str) -> None:
    """Drop an item into the inbox of the tree at hand: it takes a moment, and writes one file."""
    written = {"path": f"out/{item_id}.txt", "text": f"{item_id}\n"}
    world.item(item_id, [{"sleep": round(chance.uniform(0.05, 0.4), 2)}, {"write": written}])
