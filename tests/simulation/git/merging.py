"""Merges: of three versions of a file by lines, and of three trees."""

from collections.abc import Sequence
from typing import NamedTuple

from tests.simulation.git import threeway
from tests.simulation.git.objects import EMPTY_TREE, LINK_MODE, TREE_MODE, Entry
from tests.simulation.git.patches import is_binary
from tests.simulation.git.repo import Repo
from tests.simulation.git.revisions import Revisions, merge_bases
from tests.simulation.git.steps import Done, Steps
from tests.simulation.git.trees import Files, built, flat


class Merged(NamedTuple):
    """A merge of trees: what each path holds, and for each conflict its three sides."""

    files: Files
    conflicts: dict[bytes, tuple[Entry | None, Entry | None, Entry | None]]


def merged_trees(repo: Repo, trees: tuple[str, str, str], names: tuple[str, str]) -> Steps[Merged]:
    """Merge what a base, ours and theirs hold. Names stand in conflict markers."""
    base, ours, theirs = (flat(repo.store, tree) for tree in trees)
    _refuse_renames(base, ours, theirs)
    out: Files = {}
    conflicts: dict[bytes, tuple[Entry | None, Entry | None, Entry | None]] = {}
    for path in sorted(base.keys() | ours.keys() | theirs.keys()):
        zero, one, two = base.get(path), ours.get(path), theirs.get(path)
        if one == two or zero == two:
            kept = one
        elif zero == one:
            kept = two
        else:
            kept, clean = yield from _merged_entry(repo, (zero, one, two), names)
            if not clean:
                conflicts[path] = zero, one, two
        if kept is not None:
            out[path] = kept
    _refuse_clashes(out)
    return Merged(out, conflicts)


def _merged_entry(
    repo: Repo, sides: tuple[Entry | None, Entry | None, Entry | None], names: tuple[str, str]
) -> Steps[tuple[Entry | None, bool]]:
    zero, one, two = sides
    if one is None or two is None:
        return one or two, False
    mode = two.mode if zero is not None and zero.mode == one.mode else one.mode
    clean = one.mode == two.mode or (zero is not None and zero.mode in (one.mode, two.mode))
    if one.oid == two.oid:
        return Entry(mode, one.oid), clean
    if zero is not None and zero.oid == one.oid:
        return Entry(mode, two.oid), clean
    if zero is not None and zero.oid == two.oid:
        return Entry(mode, one.oid), clean
    if {one.mode, two.mode} & {LINK_MODE, TREE_MODE, 0o160000}:
        return Entry(mode, one.oid), False
    contents = [repo.store.blob(side.oid) if side is not None else b"" for side in sides]
    if any(map(is_binary, contents)):
        return Entry(mode, one.oid), False
    merged, whole = threeway.merged(contents[0], contents[1], contents[2], names)
    oid = yield from repo.store.write("blob", merged)
    return Entry(mode, oid), clean and whole


def _refuse_renames(base: Files, ours: Files, theirs: Files) -> None:
    """git follows a file that one side renamed with what the other did to it, or to its folder; this does not."""
    for mine, other in ((ours, theirs), (theirs, ours)):
        came = {entry.oid for path, entry in mine.items() if path not in base}
        moved = [path for path, entry in base.items() if path not in mine and entry.oid in came]
        for path in moved:
            if other.get(path) != base[path] and not _moved_alike(base[path], base, mine, other):
                raise NotImplementedError(f"a merge of a file that was renamed with another version: {path!r}")
            folder = path.rpartition(b"/")[0] + b"/"
            new = [each for each in other if each not in base and each.startswith(folder)]
            if len(folder) > 1 and new and not any(each.startswith(folder) for each in mine):
                raise NotImplementedError(f"a merge of a folder that was renamed with a new file in it: {new[0]!r}")


def _moved_alike(entry: Entry, base: Files, mine: Files, other: Files) -> bool:
    places = [{path for path, each in side.items() if each == entry and path not in base} for side in (mine, other)]
    return places[0] == places[1]


def _refuse_clashes(held: Files) -> None:
    for path in held:
        parts = path.split(b"/")
        if any(b"/".join(parts[:number]) in held for number in range(1, len(parts))):
            raise NotImplementedError("a merge of a file with a folder of its name")


def base_tree(repo: Repo, one: str, two: str) -> str:
    """The tree of the common ancestor of two commits; of several the newest stands for all."""
    found = merge_bases(repo, one, two)
    if len(found) > 1:
        raise NotImplementedError("a merge of commits with several common ancestors")
    return repo.store.commit(found[0]).tree if found else EMPTY_TREE


def merge_tree(repo: Repo, arguments: Sequence[str], _stdin: bytes) -> Steps[Done]:
    """`git merge-tree --write-tree -z --name-only --no-messages OURS THEIRS`."""
    wanted = ["--write-tree", "-z", "--name-only", "--no-messages"]
    if list(arguments[:4]) != wanted or len(arguments) != 6:
        raise NotImplementedError(f"git merge-tree {' '.join(arguments)}")
    revisions = Revisions(repo)
    names = arguments[4], arguments[5]
    commits = []
    for name in names:
        found = revisions.find(name)
        found = revisions.peel(found, "commit") if found else None
        if found is None:
            return Done(1, err=f"merge-tree: {name} - not something we can merge\n".encode())
        commits.append(found)
    base = base_tree(repo, *commits)
    trees = base, repo.store.commit(commits[0]).tree, repo.store.commit(commits[1]).tree
    merged = yield from merged_trees(repo, trees, names)
    tree = yield from built(repo.store, merged.files)
    said = [tree.encode(), *merged.conflicts]
    return Done(1 if merged.conflicts else 0, b"".join(each + b"\0" for each in said))
