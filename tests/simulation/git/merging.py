"""Merges: of three versions of a file by lines, and of three trees."""

from collections.abc import Sequence
from typing import NamedTuple

from tests.simulation.git import threeway
from tests.simulation.git.objects import EMPTY_TREE, LINK_MODE, TREE_MODE, Entry
from tests.simulation.git.patches import is_binary
from tests.simulation.git.renames import renames
from tests.simulation.git.repo import Repo
from tests.simulation.git.revisions import Revisions, merge_bases
from tests.simulation.git.steps import Done, Steps
from tests.simulation.git.trees import Files, built, flat

Sides = tuple[Entry | None, Entry | None, Entry | None]  # base, ours, theirs


class Merged(NamedTuple):
    """A merge of trees: what each path holds, and for each conflict its three sides."""

    files: Files
    conflicts: dict[bytes, Sides]


def merged_trees(repo: Repo, trees: tuple[str, str, str], names: tuple[str, str]) -> Steps[Merged]:
    """Merge what a base, ours and theirs hold. Names stand in conflict markers."""
    base, ours, theirs = (flat(repo.store, tree) for tree in trees)
    moved = renames(repo, base, ours, theirs), renames(repo, base, theirs, ours)
    out: Files = {}
    conflicts: dict[bytes, Sides] = {}
    followed: set[bytes] = set()
    for path in sorted(moved[0].keys() | moved[1].keys()):
        followed |= yield from _followed(repo, (base, ours, theirs), path, moved, names, out, conflicts)
    for path in sorted((base.keys() | ours.keys() | theirs.keys()) - followed):
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
    if not conflicts:
        _refuse_moved_folders(base, ours, theirs)
    _refuse_clashes(out)
    return Merged(out, conflicts)


def _followed(
    repo: Repo,
    sides: tuple[Files, Files, Files],
    path: bytes,
    moved: tuple[dict[bytes, bytes], dict[bytes, bytes]],
    names: tuple[str, str],
    out: Files,
    conflicts: dict[bytes, Sides],
) -> Steps[set[bytes]]:
    """Merge a file that was renamed with what the other side made of it; all paths that this is about."""
    base, ours, theirs = sides
    here, there = moved[0].get(path), moved[1].get(path)
    one, two = ours.get(here or path), theirs.get(there or path)
    kept, clean = yield from _merged_entry(repo, (base[path], one, two), names)
    assert kept is not None
    if here and there and here != there:  # both renamed it, each to another place
        for target, entry in ((here, one), (there, two)):
            out[target] = kept
            conflicts[target] = (None, one, None) if entry is one else (None, None, two)
        conflicts[path] = base[path], None, None
        return {path, here, there}
    target = here or there or path
    out[target] = kept
    stands_there = (theirs if here else ours).get(target) if not (here and there) else None
    if not clean or stands_there is not None:
        conflicts[target] = base[path], one, two
    return {path, target}


def _merged_entry(repo: Repo, sides: Sides, names: tuple[str, str]) -> Steps[tuple[Entry | None, bool]]:
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


def _refuse_moved_folders(base: Files, ours: Files, theirs: Files) -> None:
    """git lets a new file follow its folder, where the other side has renamed that; this does not."""
    for mine, other in ((ours, theirs), (theirs, ours)):
        came = {entry.oid for path, entry in mine.items() if path not in base}
        for path in (path for path, entry in base.items() if path not in mine and entry.oid in came):
            folder = path.rpartition(b"/")[0] + b"/"
            new = [each for each in other if each not in base and each.startswith(folder)]
            if len(folder) > 1 and new and not any(each.startswith(folder) for each in mine):
                raise NotImplementedError(f"a merge of a folder that was renamed with a new file in it: {new[0]!r}")


def _refuse_clashes(held: Files) -> None:
    for path in held:
        parts = path.split(b"/")
        if any(b"/".join(parts[:number]) in held for number in range(1, len(parts))):
            raise NotImplementedError("a merge of a file with a folder of its name")


def bases(repo: Repo, one: str, two: str) -> list[str]:
    """The trees of the best common ancestors of two commits, the newest first; that of nothing where there is none."""
    return [repo.store.commit(each).tree for each in merge_bases(repo, one, two)] or [EMPTY_TREE]


def merged_commits(repo: Repo, one: str, two: str, names: tuple[str, str]) -> Steps[Merged]:
    """Merge two commits. Of several common ancestors the newest is taken where all of them lead to a conflict."""
    trees = repo.store.commit(one).tree, repo.store.commit(two).tree
    found = bases(repo, one, two)
    merged = yield from merged_trees(repo, (found[0], *trees), names)
    if len(found) > 1 and not merged.conflicts:
        raise NotImplementedError("a merge of commits with several common ancestors")
    return merged


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
    merged = yield from merged_commits(repo, commits[0], commits[1], names)
    tree = yield from built(repo.store, merged.files)
    said = [tree.encode(), *merged.conflicts]
    return Done(1 if merged.conflicts else 0, b"".join(each + b"\0" for each in said))
