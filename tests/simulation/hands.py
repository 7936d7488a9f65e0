"""The hands of a simulated person: they save files, more than once if need be, stage them and commit."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.simulation.machine import Machine
from tests.simulation.writing import saved

MOST_WAITED = 60  # things that happen until a person goes on
FILES = ("notes.txt", "src/app.txt", "src/lib.txt")
CODE = ("src", "notes.txt")

Doing = Iterator[None]  # goes on by one thing at a time


class Hands:
    """Of one person, in the working tree that they share with the factory."""

    def __init__(self, machine: Machine) -> None:
        self.commits: list[str] = []  # that may never get lost
        self.saved: dict[str, bytes] = {}  # what they have just saved in the queue, by path
        self.wrong: list[str] = []  # what has become of what they did, and must not
        self._machine = machine
        self._files: tuple[str, ...] = FILES

    def _place(self, path: str) -> Path:
        return self._machine.root / path

    def _on_main(self) -> bool:
        return self._place(".git/HEAD").read_text() == "ref: refs/heads/main\n"

    def _write(self, path: str, text: str, *, torn: bool = False) -> Doing:
        """Save a file, as editors do: beside and renamed, or in place."""
        yield from saved(self._place(path), text, torn=torn)
        place = self._place(path)
        if path.startswith("queue/") and place.is_file() and place.read_bytes() == text.encode():
            self.saved[path] = text.encode()

    def _write_again(self, path: str, text: str, chance: Random) -> Doing:
        """Save a file once more a while after, if it still lies there."""
        for _ in range(chance.randrange(MOST_WAITED)):
            yield
        if self._place(path).is_file():
            yield from self._write(path, text)

    def _one(self, chance: Random, *patterns: str, judged: bool = False) -> Path | None:
        found = sorted(path for pattern in patterns for path in self._machine.root.glob(pattern))
        found = [path for path in found if judged or not path.stem.endswith((".verdict", ".answers"))]
        return chance.choice(found) if found and self._on_main() else None

    def _items(self, *lanes: str) -> tuple[str, ...]:
        return tuple(f"queue/{lane}/*-[0-9]*.yaml" for lane in lanes)

    def _commit(self, *paths: str, only: bool = True, pause: int = 0) -> Doing:
        """Stage files and, once so many things have happened, commit them, `only` them or all that is staged."""
        if not self._on_main():
            return
        there = [path for path in paths if self._place(path).exists()]
        if there:
            yield from self._machine.git("add", "-A", "--", *there)
            for _ in range(pause + 1):
                yield
            if paths == CODE:
                self.wrong += self._not_staged()
        named = ("--only", "--", *paths) if only else ()
        yield from self._machine.git("commit", "-q", "-m", "By hand", *named)
        self.commits.append(self._machine.said("rev-parse", "HEAD"))

    def _not_staged(self) -> Iterator[str]:
        """What only they write, and they have just staged as it is, but the index does not hold so."""
        told = self._machine.said("status", "--porcelain", "-uno").splitlines()
        edited = {line[2:].strip() for line in told if line[1] == "M"}
        yield from (f"the person had staged {path}, and it is so no more" for path in self._files if path in edited)
