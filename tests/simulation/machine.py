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
from tests.simulation.disk.disk import PREFIX, Disk
from tests.simulation.disk.mounted import mounted, shorten
from tests.simulation.git import files
from tests.simulation.git.process import Process
from tests.simulation.git.program import person
from tests.simulation.git.steps import Done, Failure, Steps
from tests.simulation.steps import Script
from tests.simulation.system import VirtualSystem

HOME = f"{PREFIX}/home"  # nothing is there
Operation = Callable[[str, str], None]
WORKFLOW = """---
branch: main
routes: [{{contract: work}}]
secret_scan: "off"
canary: "off"
merge: {{mode: {mode}}}
agent: {{max_concurrent_agents: {hands}}}
---
{{{{ item.title }}}}
"""
CONTRACT = """purpose: Do what the item says.
worker: {{run: [simulated]}}
produces: {{patch: {{required: true}}}}
checks: [{{name: green, run: [simulated-check]{reads}}}]
{judged}
"""
_TESTS, _HUMAN = "{name: tests, kind: checks}", "{name: human, kind: human}"
_ROBOT = "{name: robot, kind: command, run: [simulated-reviewer]}"
_JUDGED = {  # by whom: see `steps.SEATS`
    "checks": f"review: {{seats: [{_TESTS}]}}",
    "checks-of-work": f"review: {{seats: [{_TESTS}]}}",
    "human": f"review: {{seats: [{_TESTS}, {_HUMAN}]}}",
    "one-of-two": f"review: {{quorum: 2, seats: [{_TESTS}, {_HUMAN}, {{name: second, kind: human}}]}}",
    "robot": f"review: {{seats: [{_TESTS}, {_ROBOT}]}}\napply: {{mode: squash}}",
    "robot-and-human": f"review: {{seats: [{_TESTS}, {_ROBOT}, {_HUMAN}]}}",
}
_LANES = ("inbox", "active", "review", "rework", "blocked", "done")

shorten(files.read, Disk.content)
shorten(files.kind, Disk.looked_at)


class Refused(Exception):
    """A git command of the person's failed."""


class Machine(Protocol):
    """Where the factory and the person are."""

    root: Path  # of the working tree
    system: VirtualSystem

    @property
    def operations(self) -> int:
        """How many there were on the disk so far."""

    def git(self, *arguments: str) -> Iterator[None]:
        """A git command of the person's, done thing by thing. Raises Refused."""

    def committed(self) -> str:
        """The commit that is checked out."""

    def interrupted(self, before: Operation) -> AbstractContextManager[None]:
        """Call something before each operation on the disk."""

    def undisturbed(self) -> AbstractContextManager[None]:
        """Do something on the disk from within such a call."""

    def die(self) -> None:
        """Let nobody do anything any more until `crash`."""

    def crash(self, chance: Random, *, power: bool) -> None:
        """All processes of the factory end at once; with `power` the machine goes off, and on again."""


def items_of(script: Script) -> dict[str, str]:
    """The items that are there at the beginning, by path."""
    return {f"queue/inbox/{name}.yaml": item_text(name) for name in script.items}


def files_of(judges: str, mode: str, hands: int) -> dict[str, str]:
    """What a simulation's repository holds besides items at its beginning, by path."""
    reads = ", reads: [work/**]" if judges == "checks-of-work" else ""
    return {
        "WORKFLOW.md": WORKFLOW.format(mode=mode, hands=hands),
        "contracts/work.yaml": CONTRACT.format(judged=_JUDGED[judges], reads=reads),
        "src/app.txt": "0\n",
        "src/lib.txt": "0\n",
        "notes.txt": "0\n",
        **{f"queue/{lane}/.gitkeep": "" for lane in _LANES},
    }


def item_text(name: str) -> str:
    """An item as a person writes it."""
    return f"title: do {name}\n"


def environment(system: VirtualSystem) -> dict[str, str]:
    """What the person's git gets."""
    at = f"{int(system.time())} +0000"
    person = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in _WHO}
    dates = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
    return {"PATH": os.environ["PATH"], "HOME": HOME, "GIT_CONFIG_NOSYSTEM": "1", **person, **dates}


_WHO = (("NAME", "Ada"), ("EMAIL", "ada@example.org"))


def _lay(machine: Machine, files: Mapping[str, str], message: str) -> None:
    """Commit files; in a repository that is made for it, if there is none."""
    for path, text in files.items():
        place = machine.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    config = machine.root / ".git/config"
    if not config.exists():
        list(machine.git("init", "-q", "-b", "main"))
        with config.open("a") as more:
            more.write("[user]\n\tname = Ada\n\temail = ada@example.org\n[core]\n\tfsync = all\n")
    list(machine.git("add", "-A"))
    list(machine.git("commit", "-q", "-m", message))


class SimulatedMachine:
    """A disk in memory, a git in this process, and a clock that goes as fast as they do."""

    root = Path(PREFIX) / "repo"

    def __init__(self, seed: int, begun: Disk | None = None) -> None:
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

    def committed(self) -> str:
        done = Process(("git", "rev-parse", "HEAD"), self.system.time, cwd=self.root, env=environment(self.system))
        return done.communicate()[0].decode().strip()

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


@functools.cache
def _beginning(judges: str, mode: str, hands: int) -> Disk:
    """A disk with the repository that simulations begin with, to be copied."""
    with SimulatedMachine(0) as machine:
        _lay(machine, files_of(judges, mode, hands), "The beginning")
        machine.disk.sync()
    return machine.disk


def simulated(script: Script) -> SimulatedMachine:
    """A machine with what a script begins with."""
    machine = SimulatedMachine(script.seed, _beginning(script.seats, script.mode, script.hands))
    with machine:
        _lay(machine, items_of(script), "Items")
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
        self.root = self._folder / "repo"
        self.system = VirtualSystem(Random(f"{script.seed} system"), _started)
        self.operations = 0  # nobody counts them
        _lay(self, files_of(script.seats, script.mode, script.hands), "The beginning")
        _lay(self, items_of(script), "Items")

    def git(self, *arguments: str) -> Iterator[None]:
        done = subprocess.run(
            ("git", *arguments), cwd=self.root, env=environment(self.system), capture_output=True, check=False
        )
        if done.returncode:
            raise Refused(done.stderr.decode(errors="replace"))
        yield

    def committed(self) -> str:
        done = subprocess.run(("git", "rev-parse", "HEAD"), cwd=self.root, capture_output=True, check=True)
        return done.stdout.decode().strip()

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
