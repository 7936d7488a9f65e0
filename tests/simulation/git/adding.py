"""A person's staging: add, rm, mv."""

import os
import stat
from collections.abc import Iterable, Sequence

from tests.simulation.git.asked import Asked, asked
from tests.simulation.git.ignore import Ignored
from tests.simulation.git.index import Index
from tests.simulation.git.objects import GITLINK
from tests.simulation.git.pathspec import Pathspec
from tests.simulation.git.repo import Repo
from tests.simulation.git.staging import locked, saved, staged
from tests.simulation.git.status import head_tree
from tests.simulation.git.steps import Done, Failure, Steps, fatal
from tests.simulation.git.trees import flat
from tests.simulation.git.worktree import differs, looked, place_of, refreshed, remove, untracked


def add(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Steps[Done]:
    """`git add [-A|-u|-f] PATHS`."""
    told = asked("add", arguments, "-A --all -u -f --force")
    texts = told.rest + told.paths
    everything = bool({"-A", "--all", "-u"} & told.on)
    meant = Pathspec(texts, "" if everything and not texts else repo.prefix, repo.env)
    if not texts and not everything:
        return Done(err=b"Nothing specified, nothing added.\n")
    lock = yield from locked(repo)
    try:
        index = repo.index()
        yield from _add_all(repo, index, meant, told)
        if index.changed:
            yield from saved(repo, index, lock)
        else:
            lock.release()
            yield f"{lock.place} was let go"
    except (Failure, OSError):
        lock.release()
        raise
    return Done()


def _add_all(repo: Repo, index: Index, meant: Pathspec, told: Asked) -> Steps[None]:
    force = bool({"-f", "--force"} & told.on)
    new = [] if "-u" in told.on else list(untracked(repo, index, meant, meant.reaches))
    _refuse_unknown(repo, index, told, [path for path, ignored in new if force or not ignored])
    yield from stage_tracked(repo, index, meant)
    for path, ignored in new:
        seen = looked(repo.root, path)
        if seen is not None and not path.endswith(b"/") and (force or not ignored):
            yield from staged(repo, index, path, seen)


def _refuse_unknown(repo: Repo, index: Index, told: Asked, new: Sequence[bytes]) -> None:
    known = [path for path, _ in index.entries] + list(new)
    ignored = Ignored(repo)
    for text in told.rest + told.paths:
        one = Pathspec([text], repo.prefix, repo.env)
        if text in (".", ":/") or any(map(one, known)):
            continue
        path = os.fsencode(text)
        if looked(repo.root, path) is not None and ignored(path, is_folder=False):
            said = "The following paths are ignored by one of your .gitignore files:\n"
            hint = "hint: Use -f if you really want to add them.\nhint: Turn this message off by running\n"
            raise Failure(f'{said}{text}\n{hint}hint: "git config advice.addIgnoredFile false"\n', 1)
        if looked(repo.root, path) is None:
            raise fatal(f"pathspec '{text}' did not match any files")


def stage_tracked(repo: Repo, index: Index, meant: Pathspec) -> Steps[None]:
    """Stage what became of files that the index has (`add -u`, `commit -a`)."""
    for path in sorted({path for path, _ in index.entries}):
        if not meant(path):
            continue
        entry = index.get(path)
        seen = looked(repo.root, path)
        if seen is None or (stat.S_ISDIR(seen.st_mode) and (entry is None or entry.mode != GITLINK)):
            if entry is None or not entry.skip:
                index.remove(path)
        elif entry is None or (not entry.skip and not entry.valid and differs(repo.root, path, entry, seen, index.at)):
            yield from staged(repo, index, path, seen)


def rm(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Steps[Done]:
    """`git rm [-q] [-r] [-f] [--cached] PATHS`."""
    told = asked("rm", arguments, "-q -r -f --cached --ignore-unmatch")
    lock = yield from locked(repo)
    try:
        index = repo.index()
        paths = _wanted(repo, index, told)
        refreshed(repo, index, lambda _: True)
        if "-f" not in told.on:
            _refuse_changed(repo, index, paths, cached="--cached" in told.on)
        for path in paths:
            index.remove(path)
        if "--cached" not in told.on:
            for path in paths:
                yield from remove(repo, path)
        yield from saved(repo, index, lock)
    except (Failure, OSError):
        lock.release()
        raise
    return Done()


def _wanted(repo: Repo, index: Index, told: Asked) -> list[bytes]:
    found: list[bytes] = []
    for text in told.rest + told.paths:
        one = Pathspec([text], repo.prefix, repo.env)
        here = sorted({path for path, _ in index.entries if one(path)})
        if not here and "--ignore-unmatch" not in told.on:
            raise fatal(f"pathspec '{text}' did not match any files")
        if "-r" not in told.on and any(path != one.wanted[0].path and not one.wanted[0].pattern for path in here):
            raise fatal(f"not removing '{text}' recursively without -r")
        found += here
    return found


def _refuse_changed(repo: Repo, index: Index, paths: Iterable[bytes], *, cached: bool) -> None:
    before = flat(repo.store, head_tree(repo))
    edited: list[str] = []
    staged_too: list[str] = []
    both: list[str] = []
    for path in paths:
        entry, seen = index.get(path), looked(repo.root, path)
        if entry is None or seen is None:
            continue
        local = differs(repo.root, path, entry, seen, index.at)
        head = before.get(path)
        other = head is None or (head.mode, head.oid) != (entry.mode, entry.oid)
        if local and other:
            both.append(os.fsdecode(path))
        elif not cached and other:
            staged_too.append(os.fsdecode(path))
        elif not cached and local:
            edited.append(os.fsdecode(path))
    said = _listed(both, "staged content different from both the\nfile and the HEAD", "use -f to force removal")
    keep = "use --cached to keep the file, or -f to force removal"
    said += _listed(staged_too, "changes staged in the index", keep)
    said += _listed(edited, "local modifications", keep)
    if said:
        raise Failure(said, 1)


def _listed(names: Sequence[str], what: str, hint: str) -> str:
    if not names:
        return ""
    one = len(names) == 1
    shown = "".join(f"    {name}\n" for name in names)
    return f"error: the following file{' has' if one else 's have'} {what}:\n{shown}({hint})\n"


def mv(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Steps[Done]:
    """`git mv [-f] SOURCE DESTINATION` of one file."""
    told = asked("mv", arguments, "-f -k")
    source, target = (f"{repo.prefix}{text}".rstrip("/") for text in told.rest + told.paths)
    lock = yield from locked(repo)
    try:
        index = repo.index()
        old = os.fsencode(source)
        if os.path.isdir(f"{repo.root}/{target}"):
            target = f"{target}/{source.rpartition('/')[2]}"
        new = os.fsencode(target)
        entry = index.get(old)
        why = ""
        if looked(repo.root, old) is None:
            why = "bad source"
        elif entry is None:
            why = "conflicted" if old in index.unmerged() else "not under version control"
        elif looked(repo.root, new) is not None and "-f" not in told.on:
            why = "destination exists"
        elif not os.path.isdir(place_of(repo.root, new).rpartition("/")[0]):
            why = "destination directory does not exist"
        if why or entry is None:
            raise fatal(f"{why}, source={source}, destination={target}")
        os.rename(place_of(repo.root, old), place_of(repo.root, new))
        yield f"{source} was renamed"
        index.remove(old)
        index.put(new, entry)
        yield from saved(repo, index, lock)
    except (Failure, OSError):
        lock.release()
        raise
    return Done()
