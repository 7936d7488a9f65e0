"""The machines that a script is played on: a simulated one, and a real disk with the real git."""

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from random import Random
from typing import Protocol, Unpack
from unittest.mock import patch

from factory.store.system import ProcessOptions
from tests.simulation.beginning import files_of, items_of
from tests.simulation.disk.descriptors import Held
from tests.simulation.disk.disk import PREFIX, Disk
from tests.simulation.disk.mounted import mounted, shorten
from tests.simulation.git import files
from tests.simulation.git.process import Process
from tests.simulation.git.program import person
from tests.simulation.git.steps import Done, Failure, Steps
from tests.simulation.steps import Script
from tests.simulation.system import Tasks, VirtualSystem

HOME = f"{PREFIX}/home"  # nothing is there
CLONES = ("repo", "second/repo")  # where the clones lie
Operation = Callable[[str, str], None]
BETWEEN = "between.git"
_REMOTE = """[remote "origin"]
\turl = {url}
\tfetch = +refs/heads/*:refs/remotes/origin/*
"""

shorten(files.read, Disk.content)
shorten(files.kind, Disk.looked_at)


class Refused(Exception):
    """A git command of the person's failed."""


class Machine(Protocol):
    """Where the factory and the person are."""

    root: Path  # of the working tree of the clone whose turn it is
    system: VirtualSystem

    @property
    def operations(self) -> int:
        """How many there were on the disk so far."""

    def git(self, *arguments: str) -> Iterator[None]:
        """A git command of the person's, done thing by thing. Raises Refused."""

    def said(self, *arguments: str) -> str:
        """What a git command of the person's says that changes nothing."""

    def turn(self, clone: int) -> None:
        """Let the processes of a clone go on; those of the other stand still."""

    def interrupted(self, before: Operation) -> AbstractContextManager[None]:
        """Call something before each operation on the disk."""

    def undisturbed(self) -> AbstractContextManager[None]:
        """Do something on the disk from within such a call."""

    def die(self) -> None:
        """Let nobody do anything any more until `crash`."""

    def crash(self, chance: Random, *, power: bool) -> None:
        """All processes of the factory end at once; with `power` the machine goes off, and on again."""


def environment(system: VirtualSystem) -> dict[str, str]:
    """What the person's git gets."""
    at = f"{int(system.time())} +0000"
    person = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in _WHO}
    dates = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
    return {"PATH": os.environ["PATH"], "HOME": HOME, "GIT_CONFIG_NOSYSTEM": "1", **person, **dates}


_WHO = (("NAME", "Ada"), ("EMAIL", "ada@example.org"))


def lay(machine: Machine, files: Mapping[str, str], message: str) -> None:
    """Commit files; in a repository that is made for it, if there is none."""
    for path, text in files.items():
        place = machine.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    config = machine.root / ".git/config"
    if not config.exists():
        list(machine.git("init", "-q", "-b", "main"))
        _configure(config)
    list(machine.git("add", "-A"))
    list(machine.git("commit", "-q", "-m", message))


def _configure(config: Path) -> None:
    with config.open("a") as more:
        more.write("[user]\n\tname = Ada\n\temail = ada@example.org\n[core]\n\tfsync = all\n")


def _lay_clones(machine: Machine) -> None:
    """A bare repository that holds what the first clone does, and a second clone of that, on the same machine."""
    first = machine.root
    between, second = first.parent / BETWEEN, first.parent / CLONES[1]
    second.parent.mkdir()
    list(machine.git("clone", "-q", "--bare", "--no-local", str(first), str(between)))
    list(machine.git("clone", "-q", "--no-local", str(between), str(second)))
    _configure(between / "config")
    for place, url in ((first, f"../{BETWEEN}"), (second, f"../../{BETWEEN}")):
        config = place / ".git/config"
        config.write_text(_without_remote(config.read_text()) + _REMOTE.format(url=url))
    _configure(second / ".git/config")
    list(machine.git("fetch", "-q", "origin"))


def _without_remote(text: str) -> str:
    return text.partition('[remote "origin"]')[0]


class SimulatedMachine:
    """A disk in memory, a git in this process, and a clock that goes as fast as they do."""

    def __init__(self, seed: int, begun: Disk | None = None) -> None:
        self.root = Path(PREFIX, CLONES[0])
        self._clone = 0
        self._others: dict[int, tuple[Held, Tasks]] = {}  # what those hold and have to do whose turn it is not
        self.system = VirtualSystem(Random(f"{seed} system"), self._started)
        self.disk = begun.copy(self.system.time) if begun else Disk(self.system.time)
        self._open = ExitStack()

    def __enter__(self) -> "SimulatedMachine":
        self._open.enter_context(mounted(self.disk))
        self._open.enter_context(patch.dict(os.environ, {"PATH": os.defpath, "HOME": HOME}, clear=True))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def operations(self) -> int:
        return self.disk.steps

    def _started(
        self, argv: Sequence[str | Path], clock: Callable[[], float], **options: Unpack[ProcessOptions]
    ) -> "subprocess.Popen[bytes]":
        options["env"] = {**options.get("env", {}), "GIT_CONFIG_NOSYSTEM": "1"}  # that machine has no /etc
        return Process(argv, clock, **options)

    def git(self, *arguments: str) -> Iterator[None]:
        done = Done()
        try:
            done = yield from _unsaid(person(arguments, str(self.root), environment(self.system), self.system.time))
        except Failure as failure:
            raise Refused(failure.message) from None
        if done.status:
            raise Refused(done.err.decode(errors="replace"))

    def said(self, *arguments: str) -> str:
        done = Process(("git", *arguments), self.system.time, cwd=self.root, env=environment(self.system))
        return done.communicate()[0].decode().strip()

    def turn(self, clone: int) -> None:
        if clone != self._clone:
            held, tasks = self._others.pop(clone, (self.disk.holding_nothing(), ([], [])))
            self._others[self._clone] = self.disk.swap(held), self.system.swap(tasks)
            self._clone, self.root = clone, Path(PREFIX, CLONES[clone])

    @contextmanager
    def interrupted(self, before: Operation) -> Iterator[None]:
        def step(operation: str, path: str) -> None:
            self.system.step()
            before(operation, path)

        self.disk.before = step
        try:
            yield
        finally:
            self.disk.before = _nothing

    def undisturbed(self) -> AbstractContextManager[None]:
        return self.disk.quietly()

    def die(self) -> None:
        self.disk.die()

    def crash(self, chance: Random, *, power: bool) -> None:
        self.disk.crash(chance, power)
        self.system.boots += power
        if power:
            self._others.clear()


@functools.cache
def _beginning(judges: str, mode: str, hands: int) -> Disk:
    """A disk with the repository that simulations begin with, to be copied."""
    with SimulatedMachine(0) as machine:
        lay(machine, files_of(judges, mode, hands), "The beginning")
        machine.disk.sync()
    return machine.disk


def simulated(script: Script) -> SimulatedMachine:
    """A machine with what a script begins with."""
    machine = SimulatedMachine(script.seed, _beginning(script.seats, script.mode, script.hands))
    with machine:
        lay(machine, items_of(script), "Items")
        if script.clones:
            _lay_clones(machine)
        machine.disk.sync()
    return machine


def _unsaid(steps: Steps[Done]) -> Generator[None, None, Done]:
    """Steps, without what each of them was."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Done = end.value
            return found
        yield


def _nothing(operation: str, path: str) -> None:
    """Nobody comes in between."""


class RealMachine:
    """A folder on this machine's disk, and its git; nothing happens in the midst of anything there."""

    def __init__(self, script: Script) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="factory-simulation-"))
        self.root = self._folder / CLONES[0]
        self.system = VirtualSystem(Random(f"{script.seed} system"), _started)
        self.operations = 0  # nobody counts them
        lay(self, files_of(script.seats, script.mode, script.hands), "The beginning")
        lay(self, items_of(script), "Items")
        if script.clones:
            _lay_clones(self)

    def git(self, *arguments: str) -> Iterator[None]:
        done = subprocess.run(
            ("git", *arguments), cwd=self.root, env=environment(self.system), capture_output=True, check=False
        )
        if done.returncode:
            raise Refused(done.stderr.decode(errors="replace"))
        yield

    def said(self, *arguments: str) -> str:
        done = subprocess.run(("git", *arguments), cwd=self.root, capture_output=True, check=False)
        return done.stdout.decode().strip()

    def turn(self, clone: int) -> None:
        self.root = self._folder / CLONES[clone]

    def interrupted(self, before: Operation) -> AbstractContextManager[None]:
        return nullcontext()

    def undisturbed(self) -> AbstractContextManager[None]:
        return nullcontext()

    def die(self) -> None:
        """Nothing dies here."""

    def crash(self, chance: Random, *, power: bool) -> None:
        """Nor goes anything off."""

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder)


def _started(argv: object, clock: object, **options: object) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(argv, **options)  # type: ignore[call-overload,no-any-return]
