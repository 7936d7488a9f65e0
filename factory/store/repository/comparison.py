"""The comparison: what differs between two trees, as people read it. Renames are renames, and lines are counted."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from factory.store.repository.repository import Repository

_FOR_PEOPLE = ("diff-tree", "-r", "-M", "--no-ext-diff", "--no-textconv", "--no-color")


@dataclass(frozen=True)
class FileChange:
    """What became of one file."""

    kind: str  # A added, M modified, D deleted, R renamed, T of another type
    path: str
    old_path: str = ""  # of a rename
    added: int | None = None  # lines; None for a binary file
    removed: int | None = None

    @property
    def lines(self) -> str:
        """How many lines came and went."""
        return "binary" if self.added is None else f"+{self.added} -{self.removed}"


def compared(repository: Repository, old: str, new: str) -> tuple[FileChange, ...]:
    """Every file that differs between two commits; the factory's own folders are left out."""
    before, after = (repository.content_at(commit) for commit in (old, new))
    repository.objects.flush()
    out = repository.neutral.run(*_FOR_PEOPLE, "--raw", "--numstat", "-z", before, after)
    return tuple(_parsed(iter(out.split(b"\0")[:-1])))


def shown(repository: Repository, old: str, new: str) -> str:
    """The difference of two trees for reading."""
    repository.objects.flush()
    out = repository.neutral.run(*_FOR_PEOPLE, "-p", "--stat", "--summary", old, new)
    return out.decode(errors="replace")


def _parsed(records: Iterator[bytes]) -> Iterator[FileChange]:
    """From git's records: first a kind for each path, then the lines for each."""
    kinds: dict[str, tuple[str, str]] = {}
    for record in records:
        if record.startswith(b":"):
            kind = record.split()[-1][:1].decode()
            old_path = os.fsdecode(next(records))
            path = os.fsdecode(next(records)) if kind == "R" else old_path
            kinds[path] = kind, old_path if kind == "R" else ""
            continue
        added, removed, name = record.split(b"\t", 2)
        if not name:  # a rename: its two paths follow
            next(records)
            name = next(records)
        path = os.fsdecode(name)
        kind, old_path = kinds[path]
        text = added != b"-"
        yield FileChange(kind, path, old_path, int(added) if text else None, int(removed) if text else None)
