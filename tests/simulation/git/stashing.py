"""A person's stash: put away, and taken out again."""

import os
import stat
from collections.abc import Sequence

from tests.simulation.git import files
from tests.simulation.git.asked import asked
from tests.simulation.git.branching import reset
from tests.simulation.git.bringing import bring_merged
from tests.simulation.git.committing import write_commit
from tests.simulation.git.index import Entry, Index
from tests.simulation.git.merging import merged_trees
from tests.simulation.git.objects import ZERO
from tests.simulation.git.pretty import subject
from tests.simulation.git.refs import Refs
from tests.simulation.git.repo import Repo, write_index
from tests.simulation.git.staging import locked, saved, staged, tree_of
from tests.simulation.git.status import head_tree, staged_changes
from tests.simulation.git.steps import Done, Failure, Steps, fatal
from tests.simulation.git.transaction import Move, move_refs
from tests.simulation.git.trees import flat
from tests.simulation.git.unpacking import index_of
from tests.simulation.git.worktree import looked, refreshed

_STASH = "refs/stash"


def stash(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Steps[Done]:
    """`git stash [push] [-q]`, `pop` or `drop`."""
    told = asked("stash", arguments, "-q")
    what = told.rest[0] if told.rest else "push"
    if what == "push":
        return (yield from _push(repo))
    if what == "pop":
        return (yield from _pop(repo))
    if what == "drop":
        yield from _drop(Refs(repo))
        return Done()
    raise NotImplementedError(f"git stash {' '.join(arguments)}")


def _push(repo: Repo) -> Steps[Done]:
    refs = Refs(repo)
    if refs.head() is None:
        raise Failure("You do not have the initial commit yet\n", 1)
    unmerged = repo.index().unmerged()
    if unmerged:
        raise Failure("".join(f"{os.fsdecode(path)}: needs merge\n" for path in unmerged), 1)
    made = yield from create(repo)
    if made is None:
        return Done(out=b"No local changes to save\n")
    if not files.exists(refs.log_place(_STASH)):
        files.make_folders(refs.log_place(_STASH))
        yield from files.put(refs.log_place(_STASH), b"")
    yield from move_refs(refs, [Move(_STASH, made)], os.fsdecode(subject(repo.store.commit(made).message)))
    return (yield from reset(repo, ["-q", "--hard"], b""))


def create(repo: Repo) -> Steps[str | None]:
    """A commit of what is staged and edited, beside all branches; None when nothing is (`stash create`).

    Raises Failure when somebody has locked the index, which is brought up to date first.
    """
    lock = yield from locked(repo)
    index = repo.index()
    edited = refreshed(repo, index, lambda _: True)
    yield from saved(repo, index, lock)
    refs = Refs(repo)
    head = refs.head()
    assert head is not None
    if not edited and not staged_changes(repo, index, head_tree(repo), lambda _: True):
        return None
    branch = refs.branch()
    where = branch.removeprefix("refs/heads/") if branch else "(no branch)"
    on = f"{where}: {head[:7]} {os.fsdecode(subject(repo.store.commit(head).message))}"
    held = yield from tree_of(repo, index)
    one = yield from write_commit(repo, held, (head,), f"index on {on}\n".encode("utf-8", "surrogateescape"))
    before = flat(repo.store, head_tree(repo))
    changed = {change.path for change in staged_changes(repo, index, head_tree(repo), lambda _: True)}
    for path in sorted(changed | {each.path for each in edited}):
        seen = looked(repo.root, path)
        if seen is None and path not in before:
            continue  # neither there nor in the head, so git sees no difference
        if seen is None or stat.S_ISDIR(seen.st_mode):
            index.remove(path)
        else:
            yield from staged(repo, index, path, seen)
    tree = yield from tree_of(repo, index)
    message = f"WIP on {on}".encode("utf-8", "surrogateescape")
    return (yield from write_commit(repo, tree, (head, one), message))


def _pop(repo: Repo) -> Steps[Done]:
    refs = Refs(repo)
    oid = refs.read(_STASH)
    if oid is None:
        raise Failure("No stash entries found.\n", 1)
    ours = yield from _applied(repo, oid)
    if ours is None:
        return Done(1, err=b"The stash entry is kept in case you need it again.\n")
    yield from _unstage(repo, ours)
    yield from _drop(refs)
    return Done()


def apply_with_index(repo: Repo, oid: str) -> Steps[None]:
    """Take out again what was put away, staged where it was staged."""
    ours = yield from _applied(repo, oid)
    if ours is not None:
        staged_then = repo.store.commit(repo.store.commit(oid).parents[1]).tree
        lock = yield from locked(repo)
        made = index_of(repo.store, staged_then, repo.index())
        refreshed(repo, made, lambda _: True)
        yield from write_index(repo, made, lock)


def _applied(repo: Repo, oid: str) -> Steps[str | None]:
    """Merge what was put away into index and files; the tree that was staged before, None in a conflict."""
    commit = repo.store.commit(oid)
    index = repo.index()
    refreshed(repo, index, lambda _: True)
    base = repo.store.commit(commit.parents[0]).tree
    ours = yield from tree_of(repo, index)
    merged = yield from merged_trees(repo, (base, ours, commit.tree), ("Updated upstream", "Stashed changes"))
    yield from bring_merged(repo, merged, before=ours)
    return None if merged.conflicts else ours


def _unstage(repo: Repo, tree: str) -> Steps[None]:
    """What was staged is so no more; new files stay staged, as git leaves them."""
    lock = yield from locked(repo)
    index = repo.index()
    made = Index(at=index.at)
    held = flat(repo.store, tree)
    for path, blob in held.items():
        entry = index.get(path)
        made.entries[path, 0] = entry if entry and (entry.mode, entry.oid) == blob else Entry(blob.mode, blob.oid)
    for path, _ in index.entries:
        entry = index.get(path)
        if path not in held and entry is not None:
            made.entries[path, 0] = entry
    refreshed(repo, made, lambda _: True)
    yield from write_index(repo, made, lock)


def _drop(refs: Refs) -> Steps[None]:
    log = refs.log(_STASH)
    if not log:
        raise fatal("No stash entries found.")
    place = refs.log_place(_STASH)
    lines = (files.read(place) or b"").splitlines(keepends=True)[:-1]
    if not lines:
        yield from move_refs(refs, [Move(_STASH, ZERO)], None)
        return
    yield from files.replace(place, b"".join(lines))
    yield from files.replace(refs.place(_STASH), f"{log[1][1]}\n".encode())
