"""The chronicle: a branch's commits one after another, with what each of them changed, as git tells them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from factory.model.moments import moment_of, seconds_of
from factory.store.repository.git import Git
from factory.store.repository.objects import Person, TreeEntry
from factory.store.repository.trees import Change

_FIELDS = ("%H", "%T", "%P", "%an", "%ae", "%cn", "%ce", "%ct", "%B")
_FORM = "%x01" + "%x00".join(_FIELDS)
_NOTHING = "0" * 40


@dataclass(frozen=True)
class Step:
    """One commit of the branch, against the commit before it."""

    commit: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    at: datetime
    message: str
    changes: tuple[Change, ...]

    def trailer(self, name: str) -> str:
        """The value of a trailer in the message's last paragraph; empty when there is none, all of them when many."""
        last = self.message.rstrip().rpartition("\n\n")[2]
        found = (line.partition(":")[2].strip() for line in last.split("\n") if line.startswith(f"{name}:"))
        return ", ".join(found)


def chronicle(git: Git, head: str, since: str | None = None) -> Iterator[Step]:
    """Every commit on the way to a head, oldest first and only the first parent's line; after `since`, if given."""
    arguments = ("--first-parent", "-m", "--raw", "-z", "--no-abbrev", "--no-renames", "--reverse", "--root")
    form = f"--format={_FORM}"
    bounds = [head, *([f"^{since}"] if since else [])]
    fields: list[bytes] = []
    raw: list[bytes] = []
    for token in git.stream("log", *arguments, form, *bounds, "--"):
        # A message or a path may begin like the mark, and is known by its place.
        whole = len(fields) == len(_FIELDS)
        if not fields or (whole and len(raw) % 2 == 0 and token.startswith(b"\x01")):
            if fields:
                yield _step(fields, raw)
            fields, raw = [token.removeprefix(b"\x01")], []
        elif not whole:
            fields.append(token)
        elif token:
            raw.append(token)
    if fields:
        yield _step(fields, raw)


def _step(fields: list[bytes], raw: list[bytes]) -> Step:
    commit, tree, parents, name, email, by, by_email, at, message = (os.fsdecode(field) for field in fields)
    return Step(
        commit=commit,
        tree=tree,
        parents=tuple(parents.split()),
        author=Person(name, email),
        committer=Person(by, by_email),
        at=moment_of(seconds_of(at)),
        message=message,
        changes=tuple(_changes(raw)),
    )


def _changes(raw: list[bytes]) -> Iterator[Change]:
    """git's raw format: `:old-mode new-mode old new letter`, and the path as a token of its own."""
    for head, path in zip(raw[::2], raw[1::2], strict=True):
        old_mode, new_mode, old, new, _ = head.decode().lstrip("\n:").split()
        yield Change(
            os.fsdecode(path),
            None if old == _NOTHING else TreeEntry(old_mode, old),
            None if new == _NOTHING else TreeEntry(new_mode, new),
        )
