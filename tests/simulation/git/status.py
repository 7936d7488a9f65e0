"""Status: the head, the index and the files, told apart (`git status --porcelain`, `git diff-index --cached`)."""

from collections.abc import Callable, Sequence

from tests.simulation.git import files
from tests.simulation.git.asked import asked
from tests.simulation.git.index import Index, racy
from tests.simulation.git.objects import EMPTY_TREE, Entry
from tests.simulation.git.pathspec import Pathspec
from tests.simulation.git.refs import Refs
from tests.simulation.git.repo import Repo
from tests.simulation.git.revisions import Revisions
from tests.simulation.git.staging import saved
from tests.simulation.git.steps import Done, Failure, Steps
from tests.simulation.git.trees import Change, flat
from tests.simulation.git.worktree import refreshed, untracked

# Which sides of a conflict there are (stages 1, 2 and 3), and git's letters for it.
_CONFLICTS = {
    (1,): "DD",
    (2,): "AU",
    (3,): "UA",
    (1, 2): "UD",
    (1, 3): "DU",
    (2, 3): "AA",
    (1, 2, 3): "UU",
}


def head_tree(repo: Repo) -> str:
    """The tree of what is checked out; the empty one before the first commit."""
    head = Refs(repo).head()
    return repo.store.commit(head).tree if head else EMPTY_TREE


def staged_changes(repo: Repo, index: Index, tree: str, meant: Callable[[bytes], bool]) -> list[Change]:
    """What the index holds otherwise than a tree, in order; paths in conflict are left out."""
    before = flat(repo.store, tree)
    unmerged = set(index.unmerged())
    differing: list[tuple[bytes, Entry | None, Entry | None]] = []
    for (path, stage), now in index.entries.items():
        was = None if stage else before.pop(path, None)
        if not stage and (was is None or was.oid != now.oid or was.mode != now.mode):
            differing.append((path, was, Entry(now.mode, now.oid)))
    differing += [(path, was, None) for path, was in before.items()]
    return [Change(*each) for each in sorted(differing) if each[0] not in unmerged and meant(each[0])]


def status(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Steps[Done]:
    """`git status --porcelain [-z] [--ignored] [--untracked-files=all|no|normal]`."""
    flags = "--porcelain -z --no-renames --ignored"
    told = asked("status", arguments, f"{flags} -uall -uno", "--untracked-files=")
    if "--porcelain" not in told.on:
        raise NotImplementedError("git status other than --porcelain")
    how = told.values.get("--untracked-files", "all" if "-uall" in told.on else "no" if "-uno" in told.on else "normal")
    if how == "normal":
        raise NotImplementedError("git status that shows folders for what is untracked; ask for --untracked-files=all")
    meant = Pathspec(told.rest + told.paths, repo.prefix, repo.env)
    index = repo.index()
    differing = refreshed(repo, index, meant)
    if repo.env.get("GIT_OPTIONAL_LOCKS", "1") != "0":
        yield from _remember(repo, index)
    letters: dict[bytes, list[str]] = {}
    for change in staged_changes(repo, index, head_tree(repo), meant):
        letters[change.path] = [change.letter, " "]
    for each in differing:
        letters.setdefault(each.path, [" ", " "])[1] = each.letter
    for path in index.unmerged():
        if meant(path):
            letters[path] = list(_CONFLICTS[tuple(stage for stage in (1, 2, 3) if (path, stage) in index.entries)])
    said = [(path, "".join(pair)) for path, pair in sorted(letters.items())]
    if how == "all":
        others = sorted(untracked(repo, index, meant, meant.reaches))
        said += [(path, "??") for path, ignored in others if not ignored]
        said += [(path, "!!") for path, ignored in others if ignored and "--ignored" in told.on]
    end = b"\0" if "-z" in told.on else b"\n"
    return Done(out=b"".join(pair.encode() + b" " + path + end for path, pair in said))


def _remember(repo: Repo, index: Index) -> Steps[None]:
    """Write the times of unchanged files back, unless somebody else is at the index (a courtesy, never an error)."""
    if not index.changed and not any(racy(entry, index.at) for entry in index.entries.values()):
        return
    lock = files.Lock(repo.index_path)
    try:
        lock.take()
    except (Failure, OSError):
        return
    yield f"{lock.place} was taken"
    yield from saved(repo, index, lock)


def diff_index(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Done:
    """`git diff-index --cached --name-only [-z] COMMIT -- PATHS`."""
    told = asked("diff-index", arguments, "--cached --name-only --no-renames -z --quiet --name-status")
    if "--cached" not in told.on:
        raise NotImplementedError("git diff-index of the working tree")
    meant = Pathspec(told.rest[1:] + told.paths, repo.prefix, repo.env)
    index = repo.index()
    changes = staged_changes(repo, index, Revisions(repo).tree(told.rest[0]), meant)
    paths = sorted({change.path for change in changes} | {path for path in index.unmerged() if meant(path)})
    if "--quiet" in told.on:
        return Done(1 if paths else 0)
    end = b"\0" if "-z" in told.on else b"\n"
    letters = {change.path: change.letter for change in changes}
    if "--name-status" in told.on:
        between = b"\0" if "-z" in told.on else b"\t"
        return Done(out=b"".join(letters.get(path, "U").encode() + between + path + end for path in paths))
    return Done(out=b"".join(path + end for path in paths))
