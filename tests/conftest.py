"""A real git repository with a factory in it, and a person who works there."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from factory.store.system import System
from tests.benchmarks.measure import home_of_its_own
from tests.fleets import town
from tests.forger import Forger
from tests.histories import bare, small
from tests.hostile import scene
from tests.one_scan import one_scan
from tests.world import World

__all__ = ["scene", "town"]

# How long anything takes is no test's business: the machine may be busy.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `fast` what asks for no folder, so that it has no repository, and is not in a module that is `slow`."""
    for item in items:
        assert isinstance(item, pytest.Function)
        if "tmp_path" not in item.fixturenames and not item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.fast)


@pytest.fixture(scope="session", autouse=True)
def no_chance() -> Iterator[None]:
    """What happens now and then happens in no test that does not ask for it, so that each ends the same every time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(System, "chance", lambda _self: 0.5)
        yield


@pytest.fixture(scope="session", autouse=True)
def one_secret_scan() -> Iterator[None]:
    """Starting the scan takes longer than most of what a test does, so all of one process ask the same one."""
    with one_scan():
        yield


class _Homes:
    """Homes as if new: one serves the next test as well, as long as nothing in it has changed."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._made = 0

    @contextmanager
    def untouched(self) -> Iterator[None]:
        home = self._place / str(self._made)
        with home_of_its_own(home):
            before = _state(home)
            yield
        if _state(home) != before:
            self._made += 1


def _state(folder: Path) -> dict[str, tuple[int, int, int]]:
    found = {path.name: path.lstat() for path in folder.iterdir()}
    return {name: (each.st_ino, each.st_mtime_ns, each.st_size) for name, each in found.items()}


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> _Homes:
    """Where the homes of the tests of this process lie."""
    return _Homes(tmp_path_factory.mktemp("homes"))


@pytest.fixture(autouse=True)
def a_home_of_its_own(homes: _Homes) -> Iterator[None]:
    """No test reads the user's git configuration or leaves anything in the user's cache."""
    with homes.untouched():
        yield


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A repository with one committed program file and a factory whose contract `scripted` does what items say."""
    return World.create(tmp_path / "repo")


@pytest.fixture(scope="session")
def honest_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small honest history, as a bare clone; not to be written to."""
    place = tmp_path_factory.mktemp("honest")
    with home_of_its_own(place / "home"):
        return bare(small(place / "world").root, place / "honest.git")


@pytest.fixture
def forger(tmp_path: Path, honest_history: Path) -> Forger:
    """Somebody who has the honest history, and may write anything into it."""
    shutil.copytree(honest_history, tmp_path / "forged.git")
    return Forger(tmp_path / "forged.git")
