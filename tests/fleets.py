"""A fleet of a test: a folder of repositories that workers can see, and the program that runs them."""

import os
import pwd
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.store.fleet_file import FleetFile, read_fleet
from tests.program import Process, Started
from tests.world import World

_MOVE = re.compile(r"^(?P<name>[\w-]+): \d\d:\d\d:\d\d (?P<item>[\w.-]+): (?P<source>\S+) -> (?P<to>\S+)")


class Town:
    """Repositories beside each other, and the file that makes a fleet of them."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.file = place / "fleet.yaml"
        self.worlds: dict[str, World] = {}
        self.process: Process | None = None
        self.printed: list[str] = []

    def found(self, name: str) -> World:
        """A new repository."""
        self.worlds[name] = World.create(self.place / name)
        return self.worlds[name]

    def write(self, *repositories: str, more: str = "max_concurrent_agents: 4\nsandbox: auto\n") -> None:
        """The fleet file, with a flow mapping for each repository."""
        self.file.write_text(f"{more}repositories:\n" + "".join(f"  - {{{each}}}\n" for each in repositories))

    def read(self) -> FleetFile:
        return read_fleet(self.file)

    def start(self, before: str = "") -> Process:
        """Begin the fleet, after some Python; what it prints is heard from then on."""
        self.process = Started(("fleet", str(self.file)), self.place, merged=True, before=before)
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        self._part = ""
        return self.process

    def said(self) -> list[str]:
        """The lines that it has printed up to now."""
        assert self.process is not None and self.process.stdout is not None
        while not self.process.stdout.closed:
            try:
                data = os.read(self.process.stdout.fileno(), 1 << 16)
            except BlockingIOError:
                return self.printed
            if not data:
                return self.printed
            *lines, self._part = (self._part + data.decode()).split("\n")
            self.printed += lines
        return self.printed

    def says(self, *words: str) -> bool:
        """Whether a line has all of these words."""
        return any(all(word in line for word in words) for line in self.said())

    def until(self, *words: str, seconds: float = 60.0) -> None:
        """Wait until a line says this."""
        self.any.until(lambda: self.says(*words), seconds)

    @property
    def ended(self) -> bool:
        """Whether it is over; what it prints at its end is heard."""
        self.said()
        return self.process is not None and self.process.poll() is not None

    @property
    def any(self) -> World:
        """One of the repositories, for what all can do."""
        return next(iter(self.worlds.values()))

    def moves(self) -> list[tuple[str, str, str]]:
        """(repository, item, to which lane or end) of every move that it told of, in order."""
        found = [_MOVE.match(line) for line in self.said()]
        return [(each["name"], each["item"], each["to"].rstrip(":")) for each in found if each]

    def members(self) -> list[int]:
        """The processes of the repositories of this fleet."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                argv, cwd = (folder / "cmdline").read_bytes(), (folder / "cwd").readlink()
            except OSError:
                continue
            if b"factory.cli.fleet_member" in argv and cwd.is_relative_to(self.place):
                found.append(int(folder.name))
        return found


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """A fleet where a worker could see it, which what lies below /tmp could not be; it is over when the test is."""
    own = Path(pwd.getpwuid(os.getuid()).pw_dir)
    visible = os.access(own, os.W_OK) and own not in (Path("/"), *tmp_path.parents)
    with tempfile.TemporaryDirectory(dir=own if visible else tmp_path, prefix=".factory-test-") as folder:
        monkeypatch.setenv("XDG_CACHE_HOME", f"{folder}/cache")
        town = Town(Path(folder))
        yield town
        if town.process is not None and town.process.poll() is None:
            town.process.terminate()
            town.any.until(lambda: town.ended, 60)
        if town.process is not None:
            town.process.kill()  # does nothing to one that has ended
            town.process.communicate(timeout=30)
            assert not town.says("Traceback"), "\n".join(town.printed)
        if town.worlds:
            town.any.until(lambda: not town.members(), 30)
