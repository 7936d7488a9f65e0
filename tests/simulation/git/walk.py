"""Walks through history: which commits, in which order, and which of them changed certain paths."""

import heapq
from collections.abc import Iterable, Iterator, Sequence

from tests.simulation.git.objects import EMPTY_TREE, Commit
from tests.simulation.git.pathspec import Pathspec
from tests.simulation.git.repo import Repo
from tests.simulation.git.revisions import Revisions, behind, by_date
from tests.simulation.git.steps import fatal
from tests.simulation.git.trees import compared

Step = tuple[str, Commit]


def tips_of(repo: Repo, named: Iterable[str]) -> tuple[list[str], list[str]]:
    """The commits that are named, and those that are named with a `^` before them. Raises Failure."""
    revisions = Revisions(repo)
    wanted: list[str] = []
    unwanted: list[str] = []
    for name in named:
        one, dots, two = name.partition("..")
        if dots:
            unwanted.append(_tip(revisions, one or "HEAD"))
            wanted.append(_tip(revisions, two or "HEAD"))
        elif name.startswith("^"):
            unwanted.append(_tip(revisions, name[1:]))
        else:
            wanted.append(_tip(revisions, name))
    return wanted, unwanted


def _tip(revisions: Revisions, name: str) -> str:
    found = revisions.commit(name)
    if revisions.repo.store.read(found) is None:
        raise fatal(f"bad object {name}")
    return found


def walked(
    repo: Repo, named: Iterable[str], *, first_parent: bool = False, paths: Pathspec | None = None, topo: bool = False
) -> Iterator[Step]:
    """The commits behind those that are named, the newest first; with paths, those that changed one."""
    wanted, unwanted = tips_of(repo, named)
    hidden = behind(repo, unwanted) if unwanted else set()
    wanted = [tip for tip in wanted if tip not in hidden]
    prune = paths if paths is not None and not paths.empty else None
    if first_parent:
        return _along(repo, wanted[0], hidden, prune) if wanted else iter(())
    unchanged: set[str] = set()
    if prune is not None:
        found = _pruned(repo, wanted, hidden, prune, unchanged)
    else:
        found = (step for step in by_date(repo, wanted) if step[0] not in hidden)
    ordered = _in_order(list(found)) if topo else found
    return (step for step in ordered if step[0] not in unchanged)


def _along(repo: Repo, tip: str, hidden: set[str], paths: Pathspec | None) -> Iterator[Step]:
    while tip and tip not in hidden:
        commit = repo.store.commit(tip)
        before = repo.store.commit(commit.parents[0]).tree if commit.parents else EMPTY_TREE
        if paths is None or _changed(repo, before, commit.tree, paths):
            yield tip, commit
        tip = commit.parents[0] if commit.parents else ""


def _changed(repo: Repo, old: str, new: str, paths: Pathspec) -> bool:
    return any(paths(change.path) for change in compared(repo.store, old, new, paths.reaches))


def _pruned(
    repo: Repo, wanted: Sequence[str], hidden: set[str], paths: Pathspec, unchanged: set[str]
) -> Iterator[Step]:
    """git's default simplification: of a merge, only the parent that holds the same, if there is one.

    The commits come with the parents that were gone on to; `unchanged` gets those that changed nothing.
    """
    waiting: list[tuple[int, int, str]] = []
    met: set[str] = set()
    new: Sequence[str] = wanted
    while new or waiting:
        for oid in new:
            if oid not in met and oid not in hidden:
                met.add(oid)
                heapq.heappush(waiting, (-repo.store.commit(oid).at, len(met), oid))
        if not waiting:
            return
        oid = heapq.heappop(waiting)[2]
        commit = repo.store.commit(oid)
        same, new = _simplified(repo, commit, hidden, paths)
        if same:
            unchanged.add(oid)
        yield oid, commit._replace(parents=tuple(new))


def _simplified(repo: Repo, commit: Commit, hidden: set[str], paths: Pathspec) -> tuple[bool, Sequence[str]]:
    """Whether a commit changed nothing there, and the parents to go on to."""
    if not commit.parents:
        return not _changed(repo, EMPTY_TREE, commit.tree, paths), ()
    changed = {True: False, False: False}
    for parent in commit.parents:
        known = parent not in hidden
        if _changed(repo, repo.store.commit(parent).tree, commit.tree, paths):
            changed[known] = True
        elif known:
            return True, (parent,)
    relevant = any(parent not in hidden for parent in commit.parents)
    return not changed[relevant], commit.parents


def _in_order(steps: list[Step]) -> Iterator[Step]:
    """No commit before all that came out of it, and the lines of history one after another (--topo-order)."""
    found = dict(steps)
    waits = dict.fromkeys(found, 0)
    for _, commit in steps:
        for parent in commit.parents:
            if parent in waits:
                waits[parent] += 1
    ready = [oid for oid, _ in steps if not waits[oid]][::-1]
    while ready:
        oid = ready.pop()
        yield oid, found[oid]
        for parent in found[oid].parents:
            if parent in waits:
                waits[parent] -= 1
                if not waits[parent]:
                    ready.append(parent)
