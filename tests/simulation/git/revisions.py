"""Revisions: what people and programs call objects by, and how commits lie to one another."""

import heapq
import re
from collections.abc import Iterable, Iterator

from tests.simulation.git.objects import TREE_MODE, Commit, Entry
from tests.simulation.git.refs import Refs, is_oid
from tests.simulation.git.repo import Repo
from tests.simulation.git.steps import Failure, fatal

_SUFFIX = re.compile(r"(?:\^\{(?P<kind>\w*)\}|\^(?P<parent>\d*)|~(?P<back>\d*))$")
_SHORT = re.compile(r"[0-9a-f]{4,39}")
_LOGGED = re.compile(r"(.*)@\{(\d+)\}")


class Revisions:
    """Finds objects by name."""

    def __init__(self, repo: Repo) -> None:
        self.repo = repo
        self.refs = Refs(repo)

    def find(self, name: str) -> str | None:
        """The object id that a name means; None when it means nothing."""
        if is_oid(name):
            return name
        rev, colon, path = name.partition(":")
        if colon:
            return self._below(rev, path)
        suffix = _SUFFIX.search(name) if "^" in name or "~" in name else None
        if suffix is None:
            return self._simple(name)
        base = self.find(name[: suffix.start()])
        if base is None:
            return None
        if suffix["kind"] is not None:
            return self.peel(base, suffix["kind"])
        commit = self.peel(base, "commit")
        if suffix["back"] is not None:
            for _ in range(int(suffix["back"] or 1)):
                parents = self.repo.store.commit(commit).parents if commit else ()
                commit = parents[0] if parents else None
            return commit
        number = int(suffix["parent"] or 1)
        parents = self.repo.store.commit(commit).parents if commit else ()
        return commit if number == 0 else parents[number - 1] if number <= len(parents) else None

    def _simple(self, name: str) -> str | None:
        logged = _LOGGED.fullmatch(name) if "@{" in name else None
        if logged:
            ref = self.refs.expand(logged[1] or (self.refs.branch() or "HEAD"))
            log = self.refs.log(ref) if ref else []
            at = int(logged[2])
            return log[at][1] if at < len(log) else None
        named = self.refs.named("HEAD" if name == "@" else name)
        if named is not None:
            return self.refs.read(named[0]) if named[1].startswith("ref: ") else named[1]
        found = self.repo.store.complete(name) if _SHORT.fullmatch(name) else []
        return found[0] if len(found) == 1 else None

    def _below(self, rev: str, path: str) -> str | None:
        if not rev:
            entry = self.repo.index().get(path.encode("utf-8", "surrogateescape"))
            return entry.oid if entry else None
        tree = self.find(f"{rev}^{{tree}}")
        found = tree_entry(self.repo, tree, path.encode("utf-8", "surrogateescape")) if tree else None
        return found.oid if found else None

    def peel(self, oid: str, kind: str) -> str | None:
        """The object of a kind (any that is no tag, when empty) to which one leads."""
        found = self.repo.store.read(oid)
        while found is not None and found[0] == "tag" and kind != "tag":
            oid = found[1][7:47].decode()
            found = self.repo.store.read(oid)
        if found is None:
            return None
        if kind in ("", "object", found[0]):
            return oid
        return self.repo.store.commit(oid).tree if kind == "tree" and found[0] == "commit" else None

    def commit(self, name: str) -> str:
        """The commit that a name means. Raises Failure."""
        found = self.find(name)
        found = self.peel(found, "commit") if found else None
        if found is None:
            raise unknown(name)
        return found

    def tree(self, name: str) -> str:
        """The tree that a name means. Raises Failure."""
        found = self.find(name)
        found = self.peel(found, "tree") if found else None
        if found is None:
            raise fatal(f"Not a valid object name {name}")
        return found


def unknown(name: str) -> Failure:
    """What git says of a name that means nothing."""
    return fatal(
        f"ambiguous argument '{name}': unknown revision or path not in the working tree.\n"
        "Use '--' to separate paths from revisions, like this:\n"
        "'git <command> [<revision>...] -- [<file>...]'"
    )


def tree_entry(repo: Repo, tree: str, path: bytes) -> Entry | None:
    """What lies at a path below a tree."""
    entry = Entry(TREE_MODE, tree)
    for part in path.split(b"/") if path else ():
        below = repo.store.tree(entry.oid).get(part) if entry.mode == TREE_MODE else None
        if below is None:
            return None
        entry = below
    return entry


def by_date(repo: Repo, tips: Iterable[str]) -> Iterator[tuple[str, Commit]]:
    """Commits and all behind them, the newest first, as git's list goes: of one age in the order they were met."""
    waiting: list[tuple[int, int, str]] = []
    met: set[str] = set()
    for tip in tips:
        if tip not in met:
            met.add(tip)
            heapq.heappush(waiting, (-repo.store.commit(tip).at, len(met), tip))
    while waiting:
        oid = heapq.heappop(waiting)[2]
        commit = repo.store.commit(oid)
        yield oid, commit
        for parent in commit.parents:
            if parent not in met:
                met.add(parent)
                heapq.heappush(waiting, (-repo.store.commit(parent).at, len(met), parent))


def behind(repo: Repo, tips: Iterable[str]) -> set[str]:
    """The commits, and all behind them."""
    seen: set[str] = set()
    waiting = list(tips)
    while waiting:
        oid = waiting.pop()
        if oid not in seen:
            seen.add(oid)
            waiting.extend(repo.store.commit(oid).parents)
    return seen


def is_ancestor(repo: Repo, old: str, new: str) -> bool:
    """Whether one commit lies behind another, or is it."""
    waiting, seen = [new], set()
    while waiting:
        oid = waiting.pop()
        if oid == old:
            return True
        if oid not in seen:
            seen.add(oid)
            waiting.extend(repo.store.commit(oid).parents)
    return False


def merge_bases(repo: Repo, one: str, two: str) -> list[str]:
    """The best common ancestors, the newest first."""
    if one == two:
        return [one]
    theirs = behind(repo, [two])
    common = [(oid, commit) for oid, commit in by_date(repo, [one]) if oid in theirs]
    lesser: set[str] = set()
    for oid, commit in common:
        if oid not in lesser:
            lesser |= behind(repo, commit.parents) if commit.parents else set()
    found = [(-commit.at, number, oid) for number, (oid, commit) in enumerate(common) if oid not in lesser]
    return [oid for _, _, oid in sorted(found)]
