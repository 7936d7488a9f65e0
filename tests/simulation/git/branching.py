"""A person's branches: checkout, switch, branch, reset."""

import os
from collections.abc import Sequence

from tests.simulation.git import files
from tests.simulation.git.asked import asked
from tests.simulation.git.committing import STATE
from tests.simulation.git.index import Entry, seen_of
from tests.simulation.git.objects import EMPTY_TREE, ZERO
from tests.simulation.git.pathspec import Pathspec
from tests.simulation.git.refs import Refs, set_symbolic, well_formed
from tests.simulation.git.repo import Repo, write_index
from tests.simulation.git.revisions import Revisions, is_ancestor
from tests.simulation.git.staging import locked, saved
from tests.simulation.git.steps import Done, Failure, Steps, fatal
from tests.simulation.git.transaction import Move, Refused, move_refs, without
from tests.simulation.git.trees import flat
from tests.simulation.git.unpacking import CHECKOUT, carry_out, index_of, one_way, two_way
from tests.simulation.git.worktree import check_out, refreshed


def forget_state(repo: Repo) -> Steps[None]:
    """Forget a merge, pick or revert that was begun."""
    for name in STATE:
        yield from files.away(repo.path(name))


def bring_tree(repo: Repo, old: str, new: str) -> Steps[None]:
    """Bring index and files from one tree to another, keeping what a person changed. Raises Failure."""
    lock = yield from locked(repo)
    try:
        index = repo.index()
        refreshed(repo, index, lambda _: True)
        plan = two_way(repo, index, old, new, CHECKOUT)
        yield from carry_out(repo, index, plan)
        yield from saved(repo, index, lock)
    except (Failure, OSError):
        lock.release()
        raise


def _here(refs: Refs) -> str:
    """What is checked out, as reflogs name it."""
    branch = refs.branch()
    return branch.removeprefix("refs/heads/") if branch else refs.head() or ""


def checkout(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Steps[Done]:
    """`git checkout [-q] [-b NAME|--detach] [REVISION]`, or `git checkout [REVISION] -- PATHS`."""
    told = asked("checkout", arguments, "-q --detach -f", "-b -B")
    if told.split and told.paths:
        return (yield from _paths_of(repo, told.rest, told.paths))
    return (yield from _go(repo, told.rest, told.values.get("-b"), detach="--detach" in told.on, force="-f" in told.on))


def switch(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Steps[Done]:
    """`git switch [-q] [-c NAME|--detach] [BRANCH]`."""
    told = asked("switch", arguments, "-q --detach", "-c")
    if not {"--detach"} & told.on and "-c" not in told.values:
        for sign, what, how in (
            ("MERGE_HEAD", "merging", "git merge --quit"),
            ("rebase-merge", "rebasing", "git rebase --quit"),
            ("CHERRY_PICK_HEAD", "cherry-picking", "git cherry-pick --quit"),
            ("REVERT_HEAD", "reverting", "git revert --quit"),
        ):
            if files.exists(repo.path(sign)):
                hint = f'Consider "{how}" or "git worktree add".'
                raise fatal(f"cannot switch branch while {what}\n{hint}")
        if Refs(repo).read(f"refs/heads/{told.rest[0]}") is None:
            raise fatal(f"invalid reference: {told.rest[0]}")
    return (yield from _go(repo, told.rest, told.values.get("-c"), detach="--detach" in told.on, force=False))


def _go(repo: Repo, named: Sequence[str], new: str | None, *, detach: bool, force: bool) -> Steps[Done]:
    revisions = Revisions(repo)
    refs = revisions.refs
    name = named[0] if named else "HEAD"
    target = revisions.find(name)
    target = revisions.peel(target, "commit") if target else None
    if target is None and not (name == "HEAD" and refs.head() is None):
        if detach:
            raise fatal(f"git checkout: --detach does not take a path argument '{name}'")
        raise Failure(f"error: pathspec '{name}' did not match any file(s) known to git\n", 1)
    if new is not None and refs.read(f"refs/heads/{new}") is not None:
        raise fatal(f"a branch named '{new}' already exists")
    if repo.index().unmerged() and not force:
        said = "".join(f"{os.fsdecode(path)}: needs merge\n" for path in repo.index().unmerged())
        said = f"error: you need to resolve your current index first\n{said}"
        raise Failure(said, 1)
    old, before = refs.head(), _here(refs)
    trees = [repo.store.commit(oid).tree if oid else EMPTY_TREE for oid in (old, target)]
    if force:
        yield from hard(repo, trees[1])
    elif not (new is not None and not named):
        yield from bring_tree(repo, trees[0], trees[1])
    branch = f"refs/heads/{new or name}"
    if new is not None and target is not None:
        yield from _move(refs, [Move(branch, target, ZERO)], f"branch: Created from {name}")
    message = f"checkout: moving from {before} to {new or name}"
    if new is not None or (refs.read(branch) is not None and not detach):
        yield from set_symbolic(refs, "HEAD", branch, message)
    else:
        yield from _move(refs, [Move("HEAD", target or ZERO, None, deref=False)], message)
    yield from forget_state(repo)
    return Done()


def _move(refs: Refs, moves: Sequence[Move], message: str) -> Steps[None]:
    try:
        yield from move_refs(refs, moves, message)
    except Refused as refused:
        raise fatal(str(refused)) from None


def _paths_of(repo: Repo, named: Sequence[str], texts: Sequence[str]) -> Steps[Done]:
    """Files, from the index or from a commit, which the index then has too."""
    lock = yield from locked(repo)
    try:
        index = repo.index()
        meant = Pathspec(texts, repo.prefix, repo.env)
        if named:
            for path, blob in flat(repo.store, Revisions(repo).tree(named[0])).items():
                entry = index.get(path)
                if meant(path) and (entry is None or (entry.mode, entry.oid) != blob):
                    index.put(path, Entry(blob.mode, blob.oid))
        for text in texts:
            if not any(map(Pathspec([text], repo.prefix, repo.env), {path for path, _ in index.entries})):
                raise Failure(f"error: pathspec '{text}' did not match any file(s) known to git\n", 1)
        unmerged = [path for path in index.unmerged() if meant(path)]
        if unmerged:
            said = "".join(f"error: path '{os.fsdecode(path)}' is unmerged\n" for path in unmerged)
            raise Failure(said, 1)
        differing = {each.path for each in refreshed(repo, index, meant)}
        for path in sorted(differing):
            entry = index.get(path)
            if entry is not None:
                seen = yield from check_out(repo, repo.root, path, entry.mode, entry.oid)
                index.put(path, entry._replace(seen=seen_of(seen)))
        yield from saved(repo, index, lock)
    except (Failure, OSError):
        lock.release()
        raise
    return Done()


def branch(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Steps[Done]:
    """`git branch [-f] NAME [START]`, or `-d`, `-D` or `-m` of one."""
    told = asked("branch", arguments, "-f -d -D -m -q")
    refs = Refs(repo)
    if "-m" in told.on:
        return (yield from _rename(refs, *told.rest))
    name = told.rest[0]
    full = f"refs/heads/{name}"
    if {"-d", "-D"} & told.on:
        return (yield from _delete(refs, told.rest, force="-D" in told.on))
    if not well_formed(full):
        raise fatal(f"'{name}' is not a valid branch name.")
    start = told.rest[1] if len(told.rest) > 1 else None
    there = refs.read(full)
    if there is not None and "-f" not in told.on:
        raise fatal(f"A branch named '{name}' already exists.")
    if there is not None and refs.branch() == full:
        raise fatal(f"cannot force update the branch '{name}' checked out at '{repo.root}'")
    revisions = Revisions(repo)
    target = revisions.find(start or "HEAD")
    if target is None:
        raise fatal(f"Not a valid object name: '{start or _here(refs)}'.")
    target = revisions.commit(start or "HEAD")
    kind = "Reset to" if there else "Created from"
    yield from _move(refs, [Move(full, target, there or ZERO)], f"branch: {kind} {start or _here(refs)}")
    return Done()


def _delete(refs: Refs, names: Sequence[str], *, force: bool) -> Steps[Done]:
    said = ""
    for name in names:
        full = f"refs/heads/{name}"
        oid = refs.read(full)
        if oid is None:
            said += f"error: branch '{name}' not found.\n"
        elif refs.branch() == full:
            said += f"error: Cannot delete branch '{name}' checked out at '{refs.repo.root}'\n"
        elif not force and not is_ancestor(refs.repo, oid, refs.head() or oid):
            said += f"error: The branch '{name}' is not fully merged.\nIf you are sure you want to delete it, run "
            said += f"'git branch -D {name}'.\n"
        else:
            try:
                yield from without(refs, full)
                yield from move_refs(refs, [Move(full, ZERO, deref=False)], None)
            except Refused as refused:
                said += f"error: {refused}\n"
    return Done(1 if said else 0, err=said.encode("utf-8", "surrogateescape"))


def _rename(refs: Refs, old: str, new: str) -> Steps[Done]:
    before, after = f"refs/heads/{old}", f"refs/heads/{new}"
    oid = refs.read(before)
    if oid is None:
        raise fatal(f"No branch named '{old}'.")
    if refs.read(after) is not None:
        raise fatal(f"A branch named '{new}' already exists.")
    log = files.read(refs.log_place(before))
    shown = refs.branch() == before
    yield from _move(refs, [Move(before, ZERO, oid, deref=False)], f"Branch: renamed {before} to {after}")
    if log is not None:
        files.make_folders(refs.log_place(after))
        yield from files.put(refs.log_place(after), log)
    if shown:
        lock = files.Lock(refs.place("HEAD"))
        lock.take()
        lock.write(f"ref: {after}\n".encode())
        lock.commit()
        yield "HEAD was replaced"
    yield from _move(refs, [Move(after, oid, ZERO)], f"Branch: renamed {before} to {after}")
    return Done()


def hard(repo: Repo, tree: str) -> Steps[None]:
    """Bring index and files to what a tree holds, whatever was there."""
    lock = yield from locked(repo)
    try:
        index = repo.index()
        for path in index.unmerged():
            index.put(path, Entry(0o100644, ZERO))  # so that it goes where the tree does not have it
        yield from carry_out(repo, index, one_way(repo, index, tree))
        index.changed = True
        yield from saved(repo, index, lock)
    except (Failure, OSError):
        lock.release()
        raise


def reset(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Steps[Done]:
    """`git reset [-q] [--hard|--mixed|--soft] [REVISION]`, or of PATHS."""
    told = asked("reset", arguments, "-q --hard --soft --mixed")
    revisions = Revisions(repo)
    name = told.rest[0] if told.rest else "HEAD"
    head = revisions.refs.head()
    target = revisions.commit(name) if head or told.rest else None
    tree = repo.store.commit(target).tree if target else EMPTY_TREE
    if told.paths:
        return (yield from _reset_paths(repo, tree, told.paths))
    if "--hard" in told.on:
        yield from hard(repo, tree)
    elif "--soft" not in told.on:
        lock = yield from locked(repo)
        made = index_of(repo.store, tree, repo.index())
        refreshed(repo, made, lambda _: True)
        yield from write_index(repo, made, lock)
    if target is not None and head is not None:
        yield from _move(revisions.refs, [Move("ORIG_HEAD", head)], "updating ORIG_HEAD")
        yield from _move(revisions.refs, [Move("HEAD", target)], f"reset: moving to {name}")
    yield from forget_state(repo)
    return Done()


def _reset_paths(repo: Repo, tree: str, texts: Sequence[str]) -> Steps[Done]:
    lock = yield from locked(repo)
    index = repo.index()
    meant = Pathspec(texts, repo.prefix, repo.env)
    held = flat(repo.store, tree)
    for path in sorted({path for path, _ in index.entries} | held.keys()):
        entry, blob = index.get(path), held.get(path)
        if meant(path) and blob is None:
            index.remove(path)
        elif meant(path) and blob is not None and (entry is None or (entry.mode, entry.oid) != blob):
            index.put(path, Entry(blob.mode, blob.oid))
    refreshed(repo, index, lambda _: True)
    yield from saved(repo, index, lock)
    return Done()
