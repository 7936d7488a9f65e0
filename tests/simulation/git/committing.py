"""A person's commit, and how any command makes one."""

import os
from collections.abc import Sequence

from tests.simulation.git import files
from tests.simulation.git.adding import stage_tracked
from tests.simulation.git.asked import Asked, asked
from tests.simulation.git.index import Entry, Index
from tests.simulation.git.objects import EMPTY_TREE, ZERO, commit_data
from tests.simulation.git.pathspec import Pathspec
from tests.simulation.git.pretty import subject
from tests.simulation.git.refs import Refs
from tests.simulation.git.repo import Repo
from tests.simulation.git.staging import locked, saved, staged, tree_of
from tests.simulation.git.status import head_tree, staged_changes
from tests.simulation.git.steps import Done, Failure, Steps, fatal
from tests.simulation.git.transaction import Move, Refused, move_refs
from tests.simulation.git.trees import flat
from tests.simulation.git.worktree import looked, refreshed

# What remains of a merge, a pick or a revert until it has become a commit.
_OF_MERGE = ("MERGE_HEAD", "MERGE_MSG", "MERGE_MODE", "SQUASH_MSG")
STATE = ("CHERRY_PICK_HEAD", "REVERT_HEAD", "MERGE_HEAD", "MERGE_RR", "MERGE_MSG", "MERGE_MODE", "AUTO_MERGE")


def tidy(message: str) -> bytes:
    """A message as `--cleanup=whitespace` leaves it."""
    lines = [line.rstrip() for line in message.split("\n")]
    out: list[str] = []
    for line in lines:
        if line or (out and out[-1]):
            out.append(line)
    while out and not out[-1]:
        out.pop()
    return "".join(f"{line}\n" for line in out).encode("utf-8", "surrogateescape")


def write_commit(
    repo: Repo, tree: str, parents: Sequence[str], message: bytes, author: str | None = None
) -> Steps[str]:
    """Write a commit object, of now, by whoever works here."""
    committer = repo.ident("COMMITTER")
    data = commit_data(tree, parents, author or repo.ident("AUTHOR"), committer, message)
    return (yield from repo.store.write("commit", data))


def move_head(repo: Repo, new: str, old: str | None, message: str) -> Steps[None]:
    """Move the head, with the branch that is checked out. Raises Failure when it is not where it was."""
    try:
        yield from move_refs(Refs(repo), [Move("HEAD", new, old)], message)
    except Refused as refused:
        raise fatal(str(refused)) from None


def commit(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Steps[Done]:
    """`git commit [-q] [-a] [--allow-empty] [--amend] [--no-edit] [-m TEXT] [--only] [PATHS]`."""
    told = asked("commit", arguments, "-q -a --allow-empty --only --no-edit --amend --no-verify", "-m")
    refs = Refs(repo)
    head = refs.head()
    merging = files.exists(repo.path("MERGE_HEAD"))
    paths = told.rest + told.paths
    if paths and (merging or files.exists(repo.path("CHERRY_PICK_HEAD"))):
        raise fatal(f"cannot do a partial commit during a {_under_way(repo)}.")
    made = _Made(repo)
    try:
        yield from made.prepare(told, paths)
        text = _message(repo, told, head)
        yield from files.put(repo.path("COMMIT_EDITMSG"), text)
        base = repo.store.commit(head) if head else None
        amend = "--amend" in told.on and base is not None
        keeps = merging or amend or "--allow-empty" in told.on
        tree_now = base.tree if base else EMPTY_TREE
        if not keeps and not staged_changes(repo, made.index, tree_now, lambda _: True):
            raise Failure("", 1, b"nothing to commit\n")
        if not text:
            raise Failure("Aborting commit due to empty commit message.\n", 1)
        tree = yield from tree_of(repo, made.index)
        parents = list(base.parents) if amend and base else [head] if head else []
        parents += _lines(repo, "MERGE_HEAD") if merging else []
        picked = _lines(repo, "CHERRY_PICK_HEAD")
        source = repo.store.commit(picked[0]) if picked else base if amend else None
        author = os.fsdecode(source.author) if source else None
        oid = yield from write_commit(repo, tree, parents, text, author)
        kind = " (amend)" if amend else " (merge)" if len(parents) > 1 else "" if head else " (initial)"
        kind = " (cherry-pick)" if picked else kind
        yield from move_head(repo, oid, head or ZERO, f"commit{kind}: {os.fsdecode(subject(text))}")
    except (Failure, OSError):
        made.release()
        raise
    for name in ("CHERRY_PICK_HEAD", "REVERT_HEAD", *_OF_MERGE, "AUTO_MERGE"):
        yield from files.away(repo.path(name))
    yield from made.finish()
    return Done()


def _under_way(repo: Repo) -> str:
    if files.exists(repo.path("MERGE_HEAD")):
        return "merge"
    return "rebase" if files.exists(repo.path("rebase-merge")) else "cherry-pick"


def _lines(repo: Repo, name: str) -> list[str]:
    return os.fsdecode(files.read(repo.path(name)) or b"").split()


def _message(repo: Repo, told: Asked, head: str | None) -> bytes:
    if "-m" in told.values:
        return tidy(told.values["-m"])
    if "--amend" in told.on and head:
        return repo.store.commit(head).message
    kept = files.read(repo.path("MERGE_MSG"))
    if kept is None:
        raise NotImplementedError("git commit in an editor")
    return tidy(os.fsdecode(kept))


class _Made:
    """The index that a commit is made of, and the one that stays."""

    def __init__(self, repo: Repo) -> None:
        self._repo = repo
        self._lock: files.Lock | None = None
        self._beside: files.Lock | None = None
        self.index = Index()

    def prepare(self, told: Asked, paths: Sequence[str]) -> Steps[None]:
        """Lock the index and stage what was asked for. As it is, it is put in its place at once."""
        repo = self._repo
        self._lock = yield from locked(repo)
        self.index = repo.index()
        if paths:
            yield from self._only(paths)
            return
        if "-a" in told.on:
            yield from stage_tracked(repo, self.index, Pathspec(()))
        refreshed(repo, self.index, lambda _: True)
        self._refuse_unmerged()
        yield from tree_of(repo, self.index)
        if "-a" in told.on:
            self._lock.write(self.index.data())
            yield f"{self._lock.place} was written"
        elif self.index.changed:
            yield from saved(repo, self.index, self._lock)
        else:
            self._lock.release()
            yield f"{self._lock.place} was let go"

    def _refuse_unmerged(self) -> None:
        unmerged = self.index.unmerged()
        if unmerged:
            said = "".join(f"U\t{os.fsdecode(path)}\n" for path in unmerged)
            hints = (
                "error: Committing is not possible because you have unmerged files.\n"
                "hint: Fix them up in the work tree, and then use 'git add/rm <file>'\n"
                "hint: as appropriate to mark resolution and make a commit.\n"
                "fatal: Exiting because of an unresolved conflict.\n"
            )
            raise Failure(hints, 128, said.encode("utf-8", "surrogateescape"))

    def _only(self, texts: Sequence[str]) -> Steps[None]:
        """Of the working tree only these paths, on top of what is checked out; the index gets them too."""
        repo = self._repo
        assert self._lock is not None
        meant = Pathspec(texts, repo.prefix, repo.env)
        before = flat(repo.store, head_tree(repo))
        for text in texts:
            one = Pathspec([text], repo.prefix, repo.env)
            if not any(one(path) for path, _ in self.index.entries) and not any(map(one, before)):
                raise Failure(f"error: pathspec '{text}' did not match any file(s) known to git\n", 1)
        stays = self.index
        alone = Index({(path, 0): Entry(blob.mode, blob.oid) for path, blob in before.items()}, stays.at)
        wanted = sorted({path for path, _ in stays.entries if meant(path)} | {path for path in before if meant(path)})
        for index in (stays, alone):
            for path in wanted:
                seen = looked(repo.root, path)
                if seen is None:
                    index.remove(path)
                else:
                    yield from staged(repo, index, path, seen)
            refreshed(repo, index, lambda _: True)
            if index is stays:
                if not index.unmerged():
                    yield from tree_of(repo, index)
                self._lock.write(index.data())
                yield f"{self._lock.place} was written"
        self._beside = files.Lock(repo.path("next-index-1"))
        self._beside.take()
        self._beside.write(alone.data())
        yield f"{self._beside.place} was written"
        self.index = alone

    def finish(self) -> Steps[None]:
        """Put the index in its place, where it still is to be."""
        if self._beside is not None:
            self._beside.release()
        if self._lock is not None and self._lock.held:
            self._lock.commit()
            yield f"{self._lock.path} was replaced"

    def release(self) -> None:
        """Let go of all locks."""
        for lock in (self._lock, self._beside):
            if lock is not None:
                lock.release()
