"""Checks that take note of each of their runs, and a person who does something while such checks wait."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.world import World


@pytest.fixture
def note(tmp_path: Path) -> Path:
    """Where a check takes note of each of its runs: outside of all that it reads."""
    return tmp_path / "note"


def noting(note: Path, script: str, what: str = "run") -> list[str]:
    """The argv of a check that notes each of its runs, in a line, and is as a script says; nothing may contain it."""
    return ["sh", "-c", f"echo {what} >> {note}; {script}"]


def runs(note: Path) -> list[list[str]]:
    """What was noted, by run."""
    return [line.split() for line in note.read_text().splitlines()] if note.exists() else []


def waits_for(release: Path) -> str:
    """A script that is content once a file is there."""
    return f"while ! test -e {release}; do sleep 0.02; done"


def evidence(world: World, item_id: str, name: str) -> dict[str, Any]:
    """What the first run of an item left as `evidence`, or as `recheck`."""
    return dict(json.loads(world.artifacts(item_id)[f"run-1/{name}.json"]))


def meanwhile(world: World, waiting: Callable[[], bool], act: Callable[[], object], release: Path) -> None:
    """A tick as far as it goes. A person does something in it once checks are waiting, and then these are let go on."""

    def person() -> None:
        try:
            world.until(waiting, 60)
            time.sleep(0.2)  # no move is under way any more
            act()
        finally:
            release.touch()

    beside = threading.Thread(target=person)
    beside.start()
    world.tick(drain=True)
    beside.join()


def commits(world: World, *paths: str) -> None:
    """A person commits these files and nothing else."""
    world.git("add", *paths)
    world.git("commit", "-q", "-m", "Mine", "--", *paths)
