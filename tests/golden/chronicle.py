"""A chronicle: what a story's program answered, and every commit of its repository, as text."""

import hashlib
import re
import socket
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from tests.golden.normal import Normal
from tests.golden.stage import Stage

_ORDINARY = ("100644", "000000")
_ABOUT = "author: %an <%ae>%ncommitter: %cn <%ce>%ncommit: %H%nparents: %P%n%n%B"


class Change(NamedTuple):
    """One file that a commit changed."""

    status: str
    mode: str
    was: str
    blob: str
    path: str


class Chronicle:
    """Reads a story's repository. Ids stay as they are, so that several chronicles can be numbered together."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        names = ((str(stage.place), "<place>"), (str(stage.python.parent), "<bin>"))
        self._normal = Normal(names, socket.gethostname())
        self._contents: dict[str, str] = {}
        self._digests: set[str] = set()

    def text(self) -> str:
        """Blocks that begin with `===`: each answer, each commit, each branch; a file's lines begin with `|`."""
        name, git = self._stage.name, self._stage.git
        branches = git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        tips = [git("rev-parse", "main").strip(), *(branch.split()[1] for branch in branches)]
        blocks = [f"{self._normal.shown(said)}\n" for said in self._stage.said]
        blocks += [self._commit(commit) for commit in self._in_order(tips)]
        blocks += [f"{branch}\n" for branch in branches]
        # A file that holds a duration has another digest each time, and by chance the same as one of its kind.
        return re.sub(
            "sha256:([0-9a-f]{64})",
            lambda found: "<digest of a file>" if found[1] in self._digests else found[0],
            "".join(f"=== {name}: {block}" for block in blocks),
        )

    def _in_order(self, tips: list[str]) -> Iterator[str]:
        """Every commit once, parents first: along first parents, and what a merge brings in just before the merge."""
        lines = self._stage.git("rev-list", "--parents", *tips).splitlines()
        parents = {commit: rest for commit, *rest in map(str.split, lines)}
        seen: set[str] = set()
        ahead = list(reversed(tips))
        while ahead:
            commit = ahead[-1]
            missing = [parent for parent in parents[commit] if parent not in seen]
            if commit not in seen and missing:
                ahead.append(missing[0])
                continue
            ahead.pop()
            if commit not in seen:
                seen.add(commit)
                yield commit

    def _commit(self, commit: str) -> str:
        about = self._stage.git("log", "-1", f"--format=%s%n{_ABOUT}", commit)
        lines = [self._normal.text(about).rstrip(), *self._lanes(commit)]
        changes = list(self._changes(commit))
        # By what they say and not by their blobs, which are by chance the same of two logs that hold a duration.
        gone = {self._content(change.was, change.path) for change in changes if change.status == "D"}
        for change in changes:
            text = "" if change.status == "D" else self._content(change.blob, change.path)
            moved = change.status == "A" and text in gone
            how = f"{change.status}{' moved' * moved}{f' {change.mode}' * (change.mode not in _ORDINARY)}"
            lines.append(f"--- {how} {self._normal.text(change.path)}")
            lines += [] if moved else [f"| {line}" for line in text.splitlines()]
        return "".join(f"{line}\n" for line in lines)

    def _lanes(self, commit: str) -> Iterator[str]:
        """What lies in each folder of the queue."""
        paths = self._stage.git("ls-tree", "-r", "--name-only", commit, "queue").splitlines()
        for folder, names in groupby(paths, lambda path: path.rpartition("/")[0]):
            yield f"{self._normal.text(folder)}: {' '.join(path.rpartition('/')[2] for path in names)}"

    def _changes(self, commit: str) -> Iterator[Change]:
        """What it changed of its first parent; `was` and `blob` are a file's content before and after."""
        raw = self._stage.git(
            "diff-tree", "-r", "-m", "--first-parent", "--root", "--no-renames", "--no-commit-id", commit
        )
        for line in raw.splitlines():
            about, path = line.split("\t")
            _, mode, was, blob, status = about.split()
            yield Change(status, mode, was, blob, path)

    def _content(self, blob: str, path: str) -> str:
        """What a file says, without what is there by chance."""
        if blob not in self._contents:
            text = self._stage.git("cat-file", "blob", blob)
            self._digests.add(hashlib.sha256(text.encode()).hexdigest())
            lines = text.splitlines(keepends=True) if path.endswith(".jsonl") else [text]
            self._contents[blob] = "".join(map(self._normal.text, lines))
        return self._contents[blob]
