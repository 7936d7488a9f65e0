"""A person's picks: cherry-pick, revert, rebase."""

import os
from collections.abc import Sequence

from tests.simulation.git import files
from tests.simulation.git.asked import asked
from tests.simulation.git.branching import bring_tree, hard
from tests.simulation.git.bringing import bring_merged
from tests.simulation.git.committing import move_head, write_commit
from tests.simulation.git.joining import abort, refuse_unmerged
from tests.simulation.git.merging import merged_trees
from tests.simulation.git.objects import EMPTY_TREE
from tests.simulation.git.pretty import subject
from tests.simulation.git.refs import Refs, set_symbolic
from tests.simulation.git.repo import Repo
from tests.simulation.git.revisions import Revisions, is_ancestor, merge_bases
from tests.simulation.git.status import head_tree, staged_changes
from tests.simulation.git.steps import Done, Failure, Steps, fatal
from tests.simulation.git.transaction import Move, Refused, move_refs
from tests.simulation.git.worktree import refreshed


def _short(oid: str) -> str:
    return oid[:7]


def _refuse_dirty(repo: Repo, what: str) -> None:
    index = repo.index()
    if staged_changes(repo, index, head_tree(repo), lambda _: True):
        said = f"error: your local changes would be overwritten by {what}.\n"
        raise Failure(f"{said}hint: commit your changes or stash them to proceed.\nfatal: {what} failed\n")


def cherry_pick(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Steps[Done]:
    """`git cherry-pick COMMIT`, or `--abort`."""
    told = asked("cherry-pick", arguments, "--abort")
    if "--abort" in told.on:
        return (yield from abort(repo, "CHERRY_PICK_HEAD"))
    refuse_unmerged(repo, "Cherry-picking")
    _refuse_dirty(repo, "cherry-pick")
    return (yield from _picked(repo, Revisions(repo).commit(told.rest[0]), "CHERRY_PICK_HEAD"))


def revert(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Steps[Done]:
    """`git revert --no-edit COMMIT`, or `--abort`."""
    told = asked("revert", arguments, "--abort --no-edit")
    if "--abort" in told.on:
        return (yield from abort(repo, "REVERT_HEAD"))
    refuse_unmerged(repo, "Reverting")
    _refuse_dirty(repo, "revert")
    return (yield from _picked(repo, Revisions(repo).commit(told.rest[0]), "REVERT_HEAD"))


def _picked(repo: Repo, oid: str, sign: str) -> Steps[Done]:
    """One commit's change, or what undoes it, on top of the head."""
    commit = repo.store.commit(oid)
    if len(commit.parents) > 1:
        said = f"error: commit {oid} is a merge but no -m option was given.\n"
        raise Failure(f"{said}fatal: {'revert' if sign == 'REVERT_HEAD' else 'cherry-pick'} failed\n")
    parent = repo.store.commit(commit.parents[0]).tree if commit.parents else EMPTY_TREE
    head = Refs(repo).head()
    assert head is not None
    told = os.fsdecode(subject(commit.message))
    named = f"{_short(oid)} ({told})"
    backwards = sign == "REVERT_HEAD"
    base, theirs = (commit.tree, parent) if backwards else (parent, commit.tree)
    message = f'Revert "{told}"\n\nThis reverts commit {oid}.\n'.encode("utf-8", "surrogateescape")
    message = message if backwards else commit.message
    label = f"parent of {named}" if backwards else named
    merged = yield from merged_trees(repo, (base, repo.store.commit(head).tree, theirs), ("HEAD", label))
    try:
        tree = yield from bring_merged(repo, merged)
    except Failure as failure:
        what = "revert" if backwards else "cherry-pick"
        raise Failure(f"{failure.message}fatal: {what} failed\n") from None
    if merged.conflicts:
        listed = "".join(f"#\t{os.fsdecode(path)}\n" for path in merged.conflicts)
        note = f"\n# Conflicts:\n{listed}".encode("utf-8", "surrogateescape")
        yield from files.put(repo.path("MERGE_MSG"), message + note)
        yield from _mark(repo, sign, oid)
        return Done(1, err=f"error: could not {'revert' if backwards else 'apply'} {_short(oid)}... {told}\n".encode())
    yield from files.put(repo.path("MERGE_MSG"), message)
    if not backwards:
        yield from _mark(repo, sign, oid)
    if tree == repo.store.commit(head).tree:
        return Done(1, err=b"The previous cherry-pick is now empty, possibly due to conflict resolution.\n")
    author = None if backwards else os.fsdecode(commit.author)
    new = yield from write_commit(repo, tree, (head,), message, author)
    kind = "revert" if backwards else "cherry-pick"
    yield from move_head(repo, new, head, f"{kind}: {os.fsdecode(subject(message))}")
    for name in ("CHERRY_PICK_HEAD", "MERGE_MSG"):
        yield from files.away(repo.path(name))
    return Done()


def _mark(repo: Repo, sign: str, oid: str) -> Steps[None]:
    """Note which commit is being picked or reverted."""
    yield from move_refs(Refs(repo), [Move(sign, oid, deref=False)], None)


def rebase(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Steps[Done]:
    """`git rebase [-q] UPSTREAM` of a line without merges, or `--abort`."""
    told = asked("rebase", arguments, "-q --abort")
    if "--abort" in told.on:
        return (yield from _abort_rebase(repo))
    if files.exists(repo.path("rebase-merge")):
        raise fatal(
            "It seems that there is already a rebase-merge directory, and\n"
            "I wonder if you are in the middle of another rebase.  If that is the\n"
            "case, please try\n\tgit rebase (--continue | --abort | --skip)\nIf that is not the case, please\n"
            f'\trm -fr "{_shown(repo)}"\nand run me again.  I am stopping in case you still have something\n'
            "valuable there.\n"
        )
    revisions = Revisions(repo)
    name = told.rest[0]
    found = revisions.find(name)
    if found is None:
        raise fatal(f"invalid upstream '{name}'")
    onto = revisions.commit(name)
    _refuse_edits(repo)
    head, branch = revisions.refs.head(), revisions.refs.branch()
    assert head is not None
    bases = merge_bases(repo, head, onto)
    if bases[:1] == [onto] and _is_linear(repo, head, onto):
        yield from files.away(repo.path("AUTO_MERGE"))
        return Done()
    todo = _to_pick(repo, head, onto)
    return (yield from _rebase(repo, (head, branch, onto, name), todo))


def _shown(repo: Repo) -> str:
    return repo.path("rebase-merge").removeprefix(f"{repo.root}/")


def _refuse_edits(repo: Repo) -> None:
    index = repo.index()
    edited = refreshed(repo, index, lambda _: True)
    staged = staged_changes(repo, index, head_tree(repo), lambda _: True)
    if not edited and not staged and not index.unmerged():
        return
    said = "error: cannot rebase: You have unstaged changes.\n" if edited or index.unmerged() else ""
    if staged:
        also = "additionally, your index contains uncommitted changes."
        said += f"error: {also}\n" if said else "error: cannot rebase: Your index contains uncommitted changes.\n"
    raise Failure(f"{said}error: Please commit or stash them.\n", 1)


def _is_linear(repo: Repo, head: str, onto: str) -> bool:
    while head != onto:
        parents = repo.store.commit(head).parents
        if len(parents) != 1:
            return False
        head = parents[0]
    return True


def _to_pick(repo: Repo, head: str, onto: str) -> list[str]:
    """The commits that are not behind the other one, oldest first."""
    found: list[str] = []
    while not is_ancestor(repo, head, onto):
        parents = repo.store.commit(head).parents
        if len(parents) != 1:
            raise NotImplementedError("git rebase of a line with merges")
        found.append(head)
        head = parents[0]
    return found[::-1]


def _rebase(repo: Repo, what: tuple[str, str | None, str, str], todo: Sequence[str]) -> Steps[Done]:
    head, branch, onto, name = what
    refs = Refs(repo)
    if not todo and is_ancestor(repo, head, onto):
        yield from _start_rebase(repo, head, onto, name)
        yield from _back_on_branch(refs, head, branch, onto)
        yield from files.away(repo.path("AUTO_MERGE"))
        return Done()
    place = repo.path("rebase-merge")
    os.makedirs(place, exist_ok=True)
    yield f"{place} was made"
    lines = [f"pick {oid} {os.fsdecode(subject(repo.store.commit(oid).message))}" for oid in todo]
    notes = {
        "head-name": branch or "detached HEAD",
        "onto": onto,
        "orig-head": head,
        "git-rebase-todo": "\n".join(lines),
        "interactive": "",
    }
    for note, text in notes.items():
        yield from files.put(f"{place}/{note}", f"{text}\n".encode("utf-8", "surrogateescape"))
    yield from _start_rebase(repo, head, onto, name)
    for number, oid in enumerate(todo):
        left = "".join(f"{line}\n" for line in lines[number + 1 :])
        yield from files.put(f"{place}/git-rebase-todo", left.encode("utf-8", "surrogateescape"))
        done = yield from _pick_one(repo, oid)
        if done.status:
            return done
    return (yield from _end_rebase(repo, head, branch, onto))


def _start_rebase(repo: Repo, head: str, onto: str, name: str) -> Steps[None]:
    """Take the branch off the head, which goes to where the rebase begins."""
    refs = Refs(repo)
    yield from move_refs(refs, [Move("ORIG_HEAD", head)], None)
    try:
        yield from bring_tree(repo, repo.store.commit(head).tree, repo.store.commit(onto).tree)
    except Failure:
        if files.exists(repo.path("rebase-merge")):
            yield from _forget_rebase(repo)
        raise Failure("error: could not detach HEAD\n", 1) from None
    yield from move_refs(refs, [Move("HEAD", onto, head, deref=False)], f"rebase (start): checkout {name}")


def _pick_one(repo: Repo, oid: str) -> Steps[Done]:
    commit = repo.store.commit(oid)
    head = Refs(repo).head()
    assert head is not None
    told = os.fsdecode(subject(commit.message))
    here = repo.store.commit(head).tree
    if commit.parents == (head,):
        yield from bring_tree(repo, here, commit.tree)
        yield from move_head(repo, oid, head, "rebase: fast-forward")
        return Done()
    names = "HEAD", f"{_short(oid)} ({told})"
    merged = yield from merged_trees(repo, (repo.store.commit(commit.parents[0]).tree, here, commit.tree), names)
    tree = yield from bring_merged(repo, merged)
    if merged.conflicts:
        listed = "".join(f"#\t{os.fsdecode(path)}\n" for path in merged.conflicts)
        note = f"\n# Conflicts:\n{listed}".encode("utf-8", "surrogateescape")
        yield from files.put(repo.path("MERGE_MSG"), commit.message + note)
        yield from _mark(repo, "REBASE_HEAD", oid)
        yield from files.put(repo.path("rebase-merge/stopped-sha"), f"{oid}\n".encode())
        return Done(1, err=f"error: could not apply {_short(oid)}... {told}\n".encode("utf-8", "surrogateescape"))
    if tree == here:
        return Done()  # what it changed is there already
    yield from files.put(repo.path("MERGE_MSG"), commit.message)
    yield from _mark(repo, "CHERRY_PICK_HEAD", oid)
    new = yield from write_commit(repo, tree, (head,), commit.message, os.fsdecode(commit.author))
    yield from move_head(repo, new, head, f"rebase (pick): {told}")
    for name in ("CHERRY_PICK_HEAD", "MERGE_MSG"):
        yield from files.away(repo.path(name))
    return Done()


def _end_rebase(repo: Repo, head: str, branch: str | None, onto: str) -> Steps[Done]:
    yield from _back_on_branch(Refs(repo), head, branch, onto)
    yield from _forget_rebase(repo)
    return Done()


def _back_on_branch(refs: Refs, head: str, branch: str | None, onto: str) -> Steps[None]:
    new = refs.head()
    if branch is not None and new is not None:
        try:
            yield from move_refs(refs, [Move(branch, new, head)], f"rebase (finish): {branch} onto {onto}")
        except Refused as refused:
            raise Failure(f"error: could not update {branch}\nerror: {refused}\n", 1) from None
        yield from set_symbolic(refs, "HEAD", branch, f"rebase (finish): returning to {branch}")


def _forget_rebase(repo: Repo) -> Steps[None]:
    place = repo.path("rebase-merge")
    yield from files.away(repo.path("REBASE_HEAD"))
    for name in sorted(os.listdir(place)):
        yield from files.away(f"{place}/{name}")
    os.rmdir(place)
    yield f"{place} was removed"


def _abort_rebase(repo: Repo) -> Steps[Done]:
    place = repo.path("rebase-merge")
    if not files.exists(place):
        raise fatal("No rebase in progress?")
    branch = os.fsdecode(files.read(f"{place}/head-name") or b"").strip()
    head = os.fsdecode(files.read(f"{place}/orig-head") or b"").strip()
    refs = Refs(repo)
    yield from hard(repo, repo.store.commit(head).tree)
    if branch.startswith("refs/"):
        yield from set_symbolic(refs, "HEAD", branch, f"rebase (abort): returning to {branch}")
        yield from move_refs(refs, [Move(branch, head)], f"rebase (abort): returning to {branch}")
    else:
        yield from move_refs(refs, [Move("HEAD", head, deref=False)], f"rebase (abort): returning to {head}")
    for name in ("MERGE_MSG", "CHERRY_PICK_HEAD", "AUTO_MERGE"):
        yield from files.away(repo.path(name))
    yield from _forget_rebase(repo)
    return Done()
