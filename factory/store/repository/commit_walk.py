"""The walk: a branch's commits one after another, with what each of them changed, as git tells them."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from factory.model.moments import moment_of, seconds_of
from factory.store.repository.ancestry import Ancestry, Link, Side, Told
from factory.store.repository.objects import Objects, Person, TreeEntry
from factory.store.repository.refs import NOTHING
from factory.store.repository.repository import Repository
from factory.store.repository.trees import Change, diff

_FIELDS = ("%H", "%T", "%P", "%an", "%ae", "%cn", "%ce", "%at", "%ct", "%B")
_FORM = "%x01" + "%x00".join(_FIELDS)


@dataclass(frozen=True)
class CommitDiff:
    """One commit of the branch, against the commit before it."""

    commit: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    authored: datetime
    at: datetime
    dated: bool  # whether its times are such as can be
    message: str
    changes: tuple[Change, ...]
    before: str  # the parent that it is told against; empty when there is none
    tree_before: str
    sides: tuple[Side, ...]  # of a merge: what its other parents brought

    def trailer(self, name: str) -> str:
        """The value of a trailer in the message's last paragraph; empty when there is none, all of them when many."""
        last = self.message.rstrip().rpartition("\n\n")[2]
        found = (line.partition(":")[2].strip() for line in last.split("\n") if line.startswith(f"{name}:"))
        return ", ".join(found)


def walk_commits(
    repository: Repository, head: str, since: str | None = None, look: Callable[[Told], object] | None = None
) -> Iterator[CommitDiff]:
    """Every commit on the line to a head, oldest first; after `since`, if given. Each behind it is shown to `look`.

    Of a merge the line goes on along the parent that holds the queue and the artifacts which the merge has: whose
    commit came first is chance, since a pull puts one's own before the factory's.
    """
    ancestry = Ancestry(repository.neutral, repository.objects, head, since, look)
    links = list(ancestry.line())
    asked = "".join(f"{link.commit} {link.before}".rstrip() + "\n" for link in links)
    arguments = ("-r", "--root", "--always", "--raw", "-z", "--no-abbrev", "--no-renames", f"--format={_FORM}")
    told = repository.neutral.stream("diff-tree", "--stdin", *arguments, stdin=asked.encode())
    for link, (fields, raw) in zip(links, _records(told), strict=True):
        yield _step(fields, raw, link, ancestry, repository.objects)


def _records(told: Iterator[bytes]) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """What git says of each commit: its fields, and the raw lines of what it changed."""
    fields: list[bytes] = []
    raw: list[bytes] = []
    for token in told:
        # A message or a path may begin like the mark, and is known by its place.
        whole = len(fields) == len(_FIELDS)
        if not fields or (whole and len(raw) % 2 == 0 and token.startswith(b"\x01")):
            if fields:
                yield fields, raw
            fields, raw = [token.removeprefix(b"\x01")], []
        elif not whole:
            fields.append(token)
        elif token:
            raw.append(token)
    if fields:
        yield fields, raw


def _step(fields: list[bytes], raw: list[bytes], link: Link, ancestry: Ancestry, objects: Objects) -> CommitDiff:
    commit, tree, parents, name, email, by, by_email, authored, at, message = (os.fsdecode(field) for field in fields)
    changes = tuple(_changes(raw))
    joined = [side for side in link.sides if side.joined]
    return CommitDiff(
        commit=commit,
        tree=tree,
        parents=tuple(parents.split()),
        author=Person(name, email),
        committer=Person(by, by_email),
        authored=moment_of(seconds_of(authored)),
        at=moment_of(seconds_of(at)),
        dated=all(told.lstrip("0") == str(seconds_of(told) or "") for told in (authored, at)),
        message=message,
        changes=_besides(changes, joined, tree, objects) if joined else changes,
        before=link.before,
        tree_before=ancestry.tree(link.before),
        sides=link.sides,
    )


def _changes(raw: list[bytes]) -> Iterator[Change]:
    """git's raw format: `:old-mode new-mode old new letter`, and the path as a token of its own."""
    for head, path in zip(raw[::2], raw[1::2], strict=True):
        old_mode, new_mode, old, new, _ = head.decode().lstrip("\n:").split()
        yield Change(
            os.fsdecode(path),
            None if old == NOTHING else TreeEntry(old_mode, old),
            None if new == NOTHING else TreeEntry(new_mode, new),
        )


def _besides(changes: tuple[Change, ...], joined: list[Side], tree: str, objects: Objects) -> tuple[Change, ...]:
    """What a merge changed besides what the commits of both its sides had."""
    found = {change.path: change for change in changes}
    for side in joined:
        for theirs in diff(objects, side.base_tree, side.tree):
            now = found[theirs.path].new if theirs.path in found else objects.find(tree, theirs.path)
            found[theirs.path] = Change(theirs.path, theirs.new, now)
    return tuple(change for change in found.values() if change.old != change.new)


def replaced(repository: Repository, branch: str, commit: str) -> str:
    """The commit that one took the place of on a branch, as far as this clone's reflog knows; else empty."""
    logged = repository.git.call("log", "-g", "--format=%H", f"refs/heads/{branch}", "--", allowed=(0, 128))
    known = logged.stdout.decode().split()
    older = known[known.index(commit) + 1 :] if commit in known else []
    return next((each for each in older if not repository.is_ancestor(each, commit)), "")
