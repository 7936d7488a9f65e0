"""The fleet file on disk: what it says, where its repositories lie, and the secrets that it names."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from factory.model.errors import InvalidFile, MachineError, Problem, TooLarge, UsageError
from factory.model.fleet import Fleet, SecretSource, Tenant
from factory.store import files, yaml

_SECRET_BYTES = 64 * 1024


@dataclass(frozen=True)
class Place:
    """A repository of a fleet: what it is called, and its folder with all links followed."""

    name: str
    folder: Path
    tenant: Tenant


@dataclass(frozen=True)
class FleetFile:
    """A fleet file that has been read."""

    path: Path
    fleet: Fleet
    places: tuple[Place, ...]

    def beside(self, named: str) -> Path:
        """Where a path leads that the file names: from the file's own folder on, and `~` is the home folder."""
        return _beside(self.path, named)

    def secrets_of(self, place: Place) -> dict[str, str]:
        """The values of a repository's secrets. Raises MachineError for one that is not there."""
        return {name: self._value(name, source) for name, source in place.tenant.secrets.items()}

    def secret_files(self) -> Iterator[Path]:
        """The files that hold a secret of anybody."""
        for place in self.places:
            yield from (self.beside(source.file) for source in place.tenant.secrets.values() if source.file)

    def _value(self, name: str, source: SecretSource) -> str:
        if source.env is not None:
            if not os.environ.get(source.env):
                raise MachineError(f"its secret {name} is not there: the environment has no {source.env}")
            return os.environ[source.env]
        try:
            data = files.read_regular(self.beside(source.file or ""), _SECRET_BYTES)
            value = data.decode().strip("\r\n") if data is not None else ""
        except (OSError, TooLarge, UnicodeDecodeError) as error:
            raise MachineError(f"its secret {name} cannot be read from {source.file}: {error}") from None
        if not value or "\0" in value:
            raise MachineError(f"its secret {name} is not there: {source.file} is no file that holds a value")
        return value


def read_fleet(path: Path) -> FleetFile:
    """Read a fleet file. Raises InvalidFile with its mistakes, and UsageError when there is none."""
    try:
        data = files.read_regular(Path(os.path.realpath(path)), yaml.MAX_BYTES)
    except TooLarge as error:
        raise InvalidFile(Problem(str(path), 1, 1, error.message)) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "factory fleet FILE") from None
    if data is None:
        raise UsageError(f"there is no file {path}", "factory fleet FILE; factory schema fleet says what it may hold")
    source = yaml.Source(str(path), data)
    fleet = yaml.load(Fleet, source)
    places = tuple(_place(path, tenant) for tenant in fleet.repositories)
    problems = [
        Problem(str(path), *yaml.place(source, ("repositories", index, key)), said)
        for index, key, said in _mistakes(places)
    ]
    if problems:
        raise InvalidFile(*problems)
    return FleetFile(path, fleet, places)


def _beside(path: Path, named: str) -> Path:
    named = f"{Path.home()}/{named[2:]}" if named.startswith("~/") else named
    return Path(os.path.realpath(path.parent / named))


def _place(path: Path, tenant: Tenant) -> Place:
    folder = _beside(path, tenant.path)
    return Place(tenant.name or folder.name, folder, tenant)


def _mistakes(places: tuple[Place, ...]) -> Iterator[tuple[int, str, str]]:
    """(which repository, at which of its keys, what is wrong) of what each of them alone does not show."""
    for index, place in enumerate(places):
        if Path(sys.prefix).is_relative_to(place.folder):
            said = f"the factory itself is installed in {place.folder}, where no other repository may look"
            yield index, "path", f"{said}; install it elsewhere, say with pipx"
        for other in places[:index]:
            if place.folder.is_relative_to(other.folder) or other.folder.is_relative_to(place.folder):
                yield index, "path", f"{place.folder} and {other.folder} are the same folder, or one lies in the other"
            elif place.name == other.name:
                key = "path" if place.tenant.name is None else "name"
                yield index, key, f"another repository is called {place.name!r}, too; give this one a name of its own"
