"""A merge brought into index and files, conflicts included."""

import os

from tests.simulation.git import files
from tests.simulation.git.index import Entry, Index
from tests.simulation.git.merging import Merged
from tests.simulation.git.repo import Repo
from tests.simulation.git.staging import locked, saved
from tests.simulation.git.status import head_tree, staged_changes
from tests.simulation.git.steps import Failure, Steps
from tests.simulation.git.trees import built
from tests.simulation.git.unpacking import MERGE, carry_out, two_way
from tests.simulation.git.worktree import refreshed


def bring_merged(repo: Repo, merged: Merged, *, before: str | None = None) -> Steps[str]:
    """Bring index and files from the head, or what the index holds, to what a merge came to; the tree of that."""
    lock = yield from locked(repo)
    try:
        index = repo.index()
        refreshed(repo, index, lambda _: True)
        before = head_tree(repo) if before is None else before
        refuse_staged(repo, index, before)
        tree = yield from built(repo.store, merged.files)
        yield from carry_out(repo, index, two_way(repo, index, before, tree, MERGE))
        for path, sides in merged.conflicts.items():
            index.remove(path)
            for stage, side in enumerate(sides, 1):
                if side is not None:
                    index.entries[path, stage] = Entry(side.mode, side.oid, stage=stage)
        yield from saved(repo, index, lock)
    except (Failure, OSError):
        lock.release()
        raise
    yield from files.put(repo.path("AUTO_MERGE"), f"{tree}\n".encode())
    return tree


def refuse_staged(repo: Repo, index: Index, tree: str) -> None:
    """Raises Failure when anything is staged."""
    staged = staged_changes(repo, index, tree, lambda _: True)
    if staged:
        named = "\n".join("  " + os.fsdecode(change.path) for change in staged)
        raise Failure(f"error: Your local changes to the following files would be overwritten by merge:\n{named}\n", 2)
