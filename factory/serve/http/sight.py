"""Sight: what tells at little cost whether a view of the repository is still right."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from factory.line.lock import holder
from factory.model.layout import CONTRACTS, QUEUE, WORKFLOW, lane_folder
from factory.model.lifecycle import Lane
from factory.store import files
from factory.store.repository.repository import Repository
from factory.store.repository.view import View
from factory.store.state import CANARIES, HEARTBEATS


class Sight(NamedTuple):
    """What is to be seen: what the queue's state hangs on, and what runs show of themselves."""

    head: str
    queue: tuple[object, ...]
    runs: tuple[object, ...]

    def same_queue(self, other: "Sight | None") -> bool:
        """Whether the same is where it was; what runs show may differ."""
        return other is not None and self[:2] == other[:2]


def look(repository: Repository, branch: str, target: str) -> Sight:
    """Look at branches, at the files that people edit, at who holds the lock, and at the signs of runs.

    Starts no process but the lasting one that reads git's objects.
    """
    state = repository.state
    hearts = sorted(files.names_in(str(state / HEARTBEATS)))
    queue: list[object] = [repository.head(target), holder(state), tuple(hearts), _stamp(state / CANARIES)]
    for view in repository.views():
        queue += (str(view.root), view.head(), view.busy(), view.index.mark())
        if view.branch() in (branch, target):
            queue += _of(view)
    beats = tuple((name, _stamp(state / HEARTBEATS / name)) for name in hearts)
    second = int(repository.system.time()) if hearts else 0
    return Sight(repository.head(branch) or "", tuple(queue), (second, *beats))


def _of(view: View) -> Iterator[object]:
    """The files of the queue and of the policy, each with the time of its last change."""
    yield _stamp(view.root / WORKFLOW)
    for folder in (QUEUE, CONTRACTS, *(lane_folder(lane) for lane in Lane if lane is not Lane.DONE)):
        yield tuple(_below(f"{view.root}/{folder}"))


def _below(folder: str) -> Iterator[object]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                seen = entry.stat(follow_symlinks=False)
                yield entry.name, seen.st_mtime_ns, seen.st_size, seen.st_ino
    except OSError:
        return  # it is not there, or changes at this moment, and will look different


def _stamp(path: Path) -> object:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_size, seen.st_mtime_ns
