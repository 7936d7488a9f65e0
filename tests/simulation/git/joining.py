"""A person's merges: fast-forward, true, in conflict, aborted."""

import os
from collections.abc import Sequence

from tests.simulation.git import files
from tests.simulation.git.asked import asked
from tests.simulation.git.branching import forget_state, hard
from tests.simulation.git.bringing import bring_merged, refuse_staged
from tests.simulation.git.committing import move_head, tidy, write_commit
from tests.simulation.git.index import Index
from tests.simulation.git.merging import merged_commits
from tests.simulation.git.refs import Refs
from tests.simulation.git.repo import Repo
from tests.simulation.git.revisions import Revisions, is_ancestor
from tests.simulation.git.staging import locked, saved
from tests.simulation.git.stashing import apply_with_index, create
from tests.simulation.git.status import head_tree, staged_changes
from tests.simulation.git.steps import Done, Failure, Steps, fatal
from tests.simulation.git.transaction import Move, move_refs
from tests.simulation.git.trees import flat
from tests.simulation.git.unpacking import MERGE, Plan, carry_out, two_way
from tests.simulation.git.worktree import refreshed

UNSAID = ("main", "master")  # git does not say that something is merged into these
_AUTOMATIC = b"Automatic merge failed; fix conflicts and then commit the result.\n"


def refuse_unmerged(repo: Repo, what: str) -> None:
    """Raises Failure when the index holds a conflict."""
    if repo.index().unmerged():
        said = f"error: {what} is not possible because you have unmerged files.\n"
        said += "hint: Fix them up in the work tree, and then use 'git add/rm <file>'\n"
        said += "hint: as appropriate to mark resolution and make a commit.\n"
        raise Failure(f"{said}fatal: Exiting because of an unresolved conflict.\n")


def merge(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Steps[Done]:
    """`git merge [-q] [--ff-only|--no-ff] [--no-edit] [-m TEXT] BRANCH`, or `--abort`."""
    told = asked("merge", arguments, "-q --ff-only --no-ff --no-edit --abort", "-m")
    if "--abort" in told.on:
        return (yield from abort(repo, "MERGE_HEAD"))
    action = repo.env.get("GIT_REFLOG_ACTION") or f"merge {told.rest[0]}"
    revisions = Revisions(repo)
    refs = revisions.refs
    if files.exists(repo.path("MERGE_HEAD")):
        raise fatal(
            "You have not concluded your merge (MERGE_HEAD exists).\nPlease, commit your changes before you merge."
        )
    if files.exists(repo.path("CHERRY_PICK_HEAD")):
        raise fatal(
            "You have not concluded your cherry-pick (CHERRY_PICK_HEAD exists).\n"
            "Please, commit your changes before you merge."
        )
    refuse_unmerged(repo, "Merging")
    name = told.rest[0]
    theirs = revisions.find(name)
    head = refs.head()
    if theirs is None or head is None:
        raise Failure(f"merge: {name} - not something we can merge\n", 1)
    theirs = revisions.commit(name)
    yield from move_refs(refs, [Move("ORIG_HEAD", head)], "updating ORIG_HEAD")
    if is_ancestor(repo, theirs, head):
        yield from _forget_merge(repo)
        return Done(out=b"Already up to date.\n")
    if is_ancestor(repo, head, theirs) and "--no-ff" not in told.on:
        yield from forward(repo, head, theirs)
        yield from move_head(repo, theirs, head, f"{action}: Fast-forward")
        yield from _forget_merge(repo)
        return Done()
    if "--ff-only" in told.on:
        raise fatal("Not possible to fast-forward, aborting.")
    text = tidy(told.values.get("-m") or default_message(refs, name))
    return (yield from _true(repo, (name, action), (head, theirs), text, fast="--no-ff" not in told.on))


def forward(repo: Repo, head: str, theirs: str) -> Steps[None]:
    """Bring index and files to a later commit. Raises Failure."""
    lock = yield from locked(repo)
    try:
        index = repo.index()
        refreshed(repo, index, lambda _: True)
        trees = repo.store.commit(head).tree, repo.store.commit(theirs).tree
        yield from carry_out(repo, index, two_way(repo, index, *trees, MERGE))
        yield from saved(repo, index, lock)
    except (Failure, OSError):
        lock.release()
        raise


def default_message(refs: Refs, name: str) -> str:
    """What git says of a merge of itself."""
    if refs.read(f"refs/heads/{name}"):
        what = f"branch '{name}'"
    elif refs.read(f"refs/remotes/{name}"):
        what = f"remote-tracking branch '{name}'"
    else:
        what = f"commit '{name}'"
    branch = (refs.branch() or "HEAD").removeprefix("refs/heads/")
    return f"Merge {what}" + (f" into {branch}" if branch not in UNSAID else "")


def _true(repo: Repo, names: tuple[str, str], sides: tuple[str, str], text: bytes, *, fast: bool) -> Steps[Done]:
    head, theirs = sides
    name, action = names
    try:
        put_away = yield from create(repo)  # in case that the merge fails half way
    except Failure:
        raise fatal("stash failed") from None
    try:
        refuse_staged(repo, repo.index(), repo.store.commit(head).tree)
        merged = yield from merged_commits(repo, head, theirs, ("HEAD", name))
        tree = yield from bring_merged(repo, merged)
    except Failure as failure:
        yield from _restored(repo, action, repo.store.commit(head).tree, put_away)
        said = f"{failure.message}Merge with strategy ort failed.\n"
        raise Failure(said, 2) from None
    yield from files.put(repo.path("MERGE_HEAD"), f"{theirs}\n".encode())
    yield from files.put(repo.path("MERGE_MODE"), b"" if fast else b"no-ff")
    if merged.conflicts:
        listed = "".join(f"#\t{os.fsdecode(path)}\n" for path in merged.conflicts)
        note = f"\n# Conflicts:\n{listed}".encode("utf-8", "surrogateescape")
        yield from files.put(repo.path("MERGE_MSG"), text + note)
        return Done(1, out=_AUTOMATIC)
    yield from files.put(repo.path("MERGE_MSG"), text)
    oid = yield from write_commit(repo, tree, sides, text)
    yield from move_head(repo, oid, head, f"{action}: Merge made by the 'ort' strategy.")
    yield from _forget_merge(repo)
    return Done()


def _restored(repo: Repo, action: str, tree: str, put_away: str | None) -> Steps[None]:
    """All that was there before a merge that failed: the files of the head that it began on, wherever that is by now.

    What was put away comes on top.
    """
    yield from hard(repo, tree)
    if put_away is None:
        return
    if repo.store.commit(repo.store.commit(put_away).parents[1]).tree != tree:  # git resets then, to stage it anew
        head = Refs(repo).head()
        assert head is not None
        yield from move_refs(Refs(repo), [Move("ORIG_HEAD", head)], f"{action}: updating ORIG_HEAD")
        yield from move_refs(Refs(repo), [Move("HEAD", head)], f"{action}: updating HEAD")
        yield from forget_state(repo)
    yield from apply_with_index(repo, put_away)


def _forget_merge(repo: Repo) -> Steps[None]:
    for name in ("MERGE_HEAD", "MERGE_RR", "MERGE_MSG", "MERGE_MODE", "AUTO_MERGE"):
        yield from files.away(repo.path(name))


def abort(repo: Repo, sign: str) -> Steps[Done]:
    """Take back a merge, pick or revert that was begun: back to the head (`reset --merge`)."""
    signs = ("MERGE_HEAD",) if sign == "MERGE_HEAD" else ("CHERRY_PICK_HEAD", "REVERT_HEAD")
    if not any(files.exists(repo.path(each)) for each in signs):
        if sign == "MERGE_HEAD":
            raise fatal("There is no merge to abort (MERGE_HEAD missing).")
        what = "revert" if sign == "REVERT_HEAD" else "cherry-pick"
        raise Failure(f"error: no cherry-pick or revert in progress\nfatal: {what} failed\n")
    refs = Refs(repo)
    head = refs.head()
    yield from keeping(repo)
    if head is not None:
        yield from move_refs(refs, [Move("ORIG_HEAD", head)], "updating ORIG_HEAD")
        yield from move_refs(refs, [Move("HEAD", head)], f"reset: moving to {'HEAD' if sign == 'MERGE_HEAD' else head}")
    yield from forget_state(repo)
    return Done()


def keeping(repo: Repo) -> Steps[None]:
    """Bring what differs from the head in the index back, and leave edits of anything else (`reset --merge`)."""
    lock = yield from locked(repo)
    try:
        index = repo.index()
        unmerged = set(index.unmerged())
        tree = head_tree(repo)
        changed = {change.path for change in staged_changes(repo, index, tree, lambda _: True)} | unmerged
        yield from _back(repo, index, tree, changed)
        yield from saved(repo, index, lock)
    except (Failure, OSError):
        lock.release()
        raise


def _back(repo: Repo, index: Index, tree: str, changed: set[bytes]) -> Steps[None]:
    held = flat(repo.store, tree)
    gone = [path for path in sorted(changed) if path not in held]
    come = [(path, held[path]) for path in sorted(changed) if path in held]
    for path in changed:
        index.remove(path)
    yield from carry_out(repo, index, Plan(gone, come, []))
