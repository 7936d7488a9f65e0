"""Commands about the index: what it lists, how it is filled, what is made of it."""

import os
import stat
from collections.abc import Sequence

from tests.simulation.git import files
from tests.simulation.git.asked import asked, lines
from tests.simulation.git.index import NEVER, Entry, Index, mode_of, seen_of
from tests.simulation.git.objects import GITLINK
from tests.simulation.git.objects import Entry as Blob
from tests.simulation.git.pathspec import Pathspec
from tests.simulation.git.repo import Repo, write_index
from tests.simulation.git.revisions import Revisions
from tests.simulation.git.steps import Done, Failure, Steps, fatal
from tests.simulation.git.trees import Files, built, flat
from tests.simulation.git.worktree import check_out, content, looked, place_of, refreshed, smudge, untracked


def saved(repo: Repo, index: Index, lock: files.Lock) -> Steps[None]:
    """Write an index that was changed under its lock, as every command does at its end."""
    smudge(repo, index)
    yield from write_index(repo, index, lock)


def locked(repo: Repo) -> Steps[files.Lock]:
    """Take the lock of the index. Raises Failure."""
    lock = files.Lock(repo.index_path)
    lock.take()
    yield f"{lock.place} was taken"
    return lock


def update_index(repo: Repo, arguments: Sequence[str], stdin: bytes) -> Steps[Done]:
    """`git update-index` with --index-info, --skip-worktree, --add --remove or --refresh."""
    flags = "-z --stdin --index-info --skip-worktree --no-skip-worktree --assume-unchanged --no-assume-unchanged"
    told = asked("update-index", arguments, f"{flags} --add --remove -q --refresh")
    lock = files.Lock(repo.index_path)
    taken: Failure | None = None
    try:
        lock.take()
        yield f"{lock.place} was taken"
    except Failure as failure:
        taken = failure  # which matters only when there is something to write
    try:
        index = repo.index()
        status = 0
        said = ""
        if "--refresh" in told.on:
            differing = refreshed(repo, index, lambda _: True)
            status = 1 if differing or index.unmerged() else 0
            merging = "".join(f"{os.fsdecode(path)}: needs merge\n" for path in index.unmerged())
            said = (
                merging
                if "-q" in told.on
                else "".join(f"{os.fsdecode(each.path)}: needs update\n" for each in differing)
            )
            status = 0 if "-q" in told.on and not index.unmerged() else status
        names = [os.fsencode(f"{repo.prefix}{name}") for name in told.rest + told.paths]
        end = b"\0" if "-z" in told.on else b"\n"
        listed = stdin.split(end)[: None if not stdin.endswith(end) else -1] if stdin else []
        if "--index-info" in told.on:
            for line in listed:
                _put_line(index, line)
        elif "--stdin" in told.on:
            names += listed
        for name in names:
            _update_one(repo, index, name, told.on)
            yield f"{os.fsdecode(name)} was staged"
        if index.changed and taken is not None:
            raise Failure("", 128) if "-q" in told.on else taken
        if index.changed:
            yield from saved(repo, index, lock)
        else:
            lock.release()
            yield f"{lock.place} was let go"
    except (Failure, OSError):
        lock.release()
        raise
    return Done(status, said.encode("utf-8", "surrogateescape"))


def _put_line(index: Index, line: bytes) -> None:
    head, _, path = line.partition(b"\t")
    mode, *rest = head.decode().split(" ")
    if mode == "0":
        index.remove(path)
        index.changed = True
        return
    oid = rest[1] if len(rest) > 1 and rest[0] in ("blob", "commit") else rest[0]
    stage = int(rest[1]) if len(rest) > 1 and rest[0] == oid else 0
    index.put(path, Entry(int(mode, 8), oid, NEVER, stage))


def _update_one(repo: Repo, index: Index, path: bytes, on: frozenset[str]) -> None:
    marks = {"--skip-worktree", "--no-skip-worktree", "--assume-unchanged", "--no-assume-unchanged"} & on
    if marks:
        entry = index.get(path)
        if entry is None:
            raise fatal(f"Unable to mark file {os.fsdecode(path)}")
        for mark in marks:
            on_now = not mark.startswith("--no-")
            entry = entry._replace(skip=on_now) if "skip" in mark else entry._replace(valid=on_now)
        index.entries[path, 0] = entry
        index.changed = True
        return
    seen = looked(repo.root, path)
    if seen is None:
        if "--remove" not in on:
            said = f"error: {os.fsdecode(path)}: does not exist and --remove not passed\n"
            raise Failure(f"{said}fatal: Unable to process path {os.fsdecode(path)}\n")
        index.remove(path)
        return
    entry = index.get(path)
    if stat.S_ISDIR(seen.st_mode):
        _update_folder(index, path, entry, on)
        return
    if entry is None and "--add" not in on:
        said = f"error: {os.fsdecode(path)}: cannot add to the index - missing --add option?\n"
        raise Failure(f"{said}fatal: Unable to process path {os.fsdecode(path)}\n")
    run_stage(repo, index, path, seen)


def _update_folder(index: Index, path: bytes, entry: Entry | None, on: frozenset[str]) -> None:
    if entry is not None and entry.mode == GITLINK:
        return
    if entry is not None and "--remove" in on:
        index.remove(path)
        return
    name = os.fsdecode(path)
    raise Failure(f"error: {name}: is a directory - add files inside instead\nfatal: Unable to process path {name}\n")


def run_stage(repo: Repo, index: Index, path: bytes, seen: os.stat_result) -> None:
    """Stage what a file holds, with its object written."""
    for _ in staged(repo, index, path, seen):
        pass


def staged(repo: Repo, index: Index, path: bytes, seen: os.stat_result) -> Steps[None]:
    """The same, step by step."""
    mode = mode_of(seen)
    oid = yield from repo.store.write("blob", content(place_of(repo.root, path), mode))
    index.put(path, Entry(mode, oid, seen_of(seen)))


def read_tree(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Steps[Done]:
    """`git read-tree TREE`, or `--empty`."""
    told = asked("read-tree", arguments, "--empty")
    lock = yield from locked(repo)
    try:
        found: Files = {} if "--empty" in told.on else flat(repo.store, Revisions(repo).tree(told.rest[0]))
        index = Index({(path, 0): Entry(blob.mode, blob.oid) for path, blob in found.items()})
        yield from write_index(repo, index, lock)
    except (Failure, OSError):
        lock.release()
        raise
    return Done()


def write_tree(repo: Repo, _arguments: Sequence[str], _stdin: bytes) -> Steps[Done]:
    """`git write-tree`."""
    return Done(out=lines((yield from tree_of(repo, repo.index()))))


def tree_of(repo: Repo, index: Index) -> Steps[str]:
    """The tree of what is staged, with its objects written. Raises Failure."""
    unmerged = index.unmerged()
    if unmerged:
        said = "".join(
            f"{os.fsdecode(path)}: unmerged ({index.entries[key].oid})\n"
            for path in unmerged
            for key in sorted(index.entries)
            if key[0] == path
        )
        raise Failure(f"{said}error: invalid object\nfatal: write-tree: error building trees\n")
    held = {path: Blob(entry.mode, entry.oid) for (path, _), entry in index.entries.items() if not entry.intend}
    for path, blob in held.items():
        if blob.mode != GITLINK and not repo.store.has(blob.oid):
            name = os.fsdecode(path)
            said = f"error: invalid object {blob.mode:o} {blob.oid} for '{name}'\n"
            raise Failure(f"{said}fatal: git-write-tree: error building trees\n")
    return (yield from built(repo.store, held))


def checkout_index(repo: Repo, arguments: Sequence[str], stdin: bytes) -> Steps[Done]:
    """`git checkout-index -f -z --stdin --prefix=…`."""
    told = asked("checkout-index", arguments, "-f -z --stdin", "--prefix=")
    index = repo.index()
    prefix = told.values.get("--prefix", "")
    for name in stdin.split(b"\0")[:-1]:
        entry = index.get(name)
        if entry is None:
            return Done(1, err=f"git checkout-index: {os.fsdecode(name)} is not in the cache\n".encode())
        if not entry.skip:
            where = prefix if prefix.startswith("/") else f"{repo.root}/{prefix}"
            os.makedirs(where, exist_ok=True)
            yield from check_out(repo, where.rstrip("/"), name, entry.mode, entry.oid)
    return Done()


def ls_files(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Done:
    """`git ls-files` of the index, with -s, -t or -v, or of what it does not have, with --others."""
    told = asked("ls-files", arguments, "-z -s --stage -t -v -u --unmerged --others -o --exclude-standard")
    index = repo.index()
    meant = Pathspec(told.rest + told.paths, repo.prefix, repo.env)
    end = "\0" if "-z" in told.on else "\n"
    said = []
    if {"--others", "-o"} & told.on:
        for path, ignored in sorted(untracked(repo, index, meant, meant.reaches)):
            if not (ignored and "--exclude-standard" in told.on):
                said.append(f"{_below(repo, path)}{end}")
        return Done(out="".join(said).encode("utf-8", "surrogateescape"))
    for (path, stage), entry in index.ordered():
        if not meant(path) or ({"-u", "--unmerged"} & told.on and not stage):
            continue
        tag = ""
        if {"-t", "-v"} & told.on:
            tag = "S " if entry.skip else "M " if stage else "H "
            tag = tag.lower() if entry.valid and "-v" in told.on else tag
        staged = {"-s", "--stage", "-u", "--unmerged"} & told.on
        head = f"{entry.mode:06o} {entry.oid} {stage}\t" if staged else ""
        said.append(f"{tag}{head}{_below(repo, path)}{end}")
    return Done(out="".join(said).encode("utf-8", "surrogateescape"))


def _below(repo: Repo, path: bytes) -> str:
    return os.fsdecode(path).removeprefix(repo.prefix)
