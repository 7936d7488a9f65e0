"""A real git repository with a factory in it, and a person who works there."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

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
