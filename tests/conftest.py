"""A real git repository with a factory in it, and a person who works there."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.measure import home_of_its_own
from tests.forger import Forger
from tests.histories import bare, small
from tests.hostile import scene
from tests.world import World

__all__ = ["scene"]


@pytest.fixture(autouse=True)
def a_home_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test reads the user's git configuration or leaves anything in the user's cache."""
    home = tmp_path_factory.mktemp("home")
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    subprocess.run(["git", "config", "--global", "user.name", "Ann"], check=True)
    subprocess.run(["git", "config", "--global", "user.email", "ann@example.org"], check=True)
    subprocess.run(["git", "config", "--global", "init.defaultBranch", "main"], check=True)
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
