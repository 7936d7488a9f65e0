"""Merges: of three versions of a file by lines, and of three trees."""

from collections.abc import Sequence
from typing import NamedTuple

from tests.simulation.git.objects import EMPTY_TREE, LINK_MODE, TREE_MODE, Entry
from tests.simulation.git.patches import is_binary
from tests.simulation.git.repo import Repo
from tests.simulation.git.revisions import Revisions, merge_bases
from tests.simulation.git.steps import Done, Steps
from tests.simulation.git.trees import Files, built, flat
from tests.simulation.git.xdiff import Change, changes, split


class Merged(NamedTuple):
    """A merge of trees: what each path holds, and for each conflict its three sides."""

    files: Files
    conflicts: dict[bytes, tuple[Entry | None, Entry | None, Entry | None]]


class _Region(NamedTuple):
    """A part in which one side or both changed something: lines of the base, of ours and of theirs."""

    kind: str  # ours, theirs or both
    base: tuple[int, int]
    ours: tuple[int, int]
    theirs: tuple[int, int]


def merged_lines(base: bytes, ours: bytes, theirs: bytes, names: tuple[str, str]) -> tuple[bytes, bool]:
    """Three versions merged, and whether that went without a conflict; else with markers (xdl_merge, zealous)."""
    zero, one, two = split(base), split(ours), split(theirs)
    out: list[bytes] = []
    clean = True
    at = 0
    for region in _refined(_regions(changes(zero, one), changes(zero, two)), one, two):
        out += one[at : region.ours[0]]
        at = region.ours[1]
        if region.kind == "ours":
            out += one[slice(*region.ours)]
        elif region.kind == "theirs":
            out += two[slice(*region.theirs)]
        else:
            clean = False
            out += _marked(one[slice(*region.ours)], two[slice(*region.theirs)], names)
    return b"".join(out + one[at:]), clean


def _marked(ours: Sequence[bytes], theirs: Sequence[bytes], names: tuple[str, str]) -> list[bytes]:
    def ended(lines: Sequence[bytes]) -> list[bytes]:
        return [line if line.endswith(b"\n") else line + b"\n" for line in lines]

    head, tail = (name.encode("utf-8", "surrogateescape") for name in names)
    return [b"<<<<<<< %s\n" % head, *ended(ours), b"=======\n", *ended(theirs), b">>>>>>> %s\n" % tail]


def _regions(ours: list[Change], theirs: list[Change]) -> list[_Region]:
    """What changed, in the order of the base; what overlaps or touches is one conflict (xdl_do_merge)."""
    found: list[_Region] = []
    one, two = list(ours), list(theirs)
    shift1 = shift2 = 0  # of ours and of theirs against the base, before what comes next
    while one or two:
        first = one[0] if one else None
        second = two[0] if two else None
        if second is None or (first is not None and first.at1 + first.count1 < second.at1):
            assert first is not None
            at = first.at1 + shift2
            span = (first.at1, first.at1 + first.count1), (first.at2, first.at2 + first.count2)
            found.append(_Region("ours", *span, (at, at + first.count1)))
            shift1 += first.count2 - first.count1
            one.pop(0)
        elif first is None or second.at1 + second.count1 < first.at1:
            at = second.at1 + shift1
            span = (second.at1, second.at1 + second.count1), (at, at + second.count1)
            found.append(_Region("theirs", *span, (second.at2, second.at2 + second.count2)))
            shift2 += second.count2 - second.count1
            two.pop(0)
        else:
            region, shift1, shift2 = _both(one, two, shift1, shift2)
            found.append(region)
    return found


def _both(one: list[Change], two: list[Change], shift1: int, shift2: int) -> tuple[_Region, int, int]:
    """All that hangs together, from the first of both sides on."""
    start = min(one[0].at1, two[0].at1)
    begin1, begin2 = start + shift1, start + shift2
    end = start
    while (one and one[0].at1 <= end) or (two and two[0].at1 <= end) or end == start:
        took = False
        for side in (one, two):
            while side and (side[0].at1 <= end or (end == start and side[0].at1 == start)):
                change = side.pop(0)
                end = max(end, change.at1 + change.count1)
                took = True
                if side is one:
                    shift1 += change.count2 - change.count1
                else:
                    shift2 += change.count2 - change.count1
        if not took:
            break
    return _Region("both", (start, end), (begin1, end + shift1), (begin2, end + shift2)), shift1, shift2


def _refined(regions: list[_Region], one: list[bytes], two: list[bytes]) -> list[_Region]:
    """Conflicts made small: what both sides did alike is none, and what remains is told apart (zealous)."""
    found: list[_Region] = []
    for region in regions:
        ours, theirs = one[slice(*region.ours)], two[slice(*region.theirs)]
        if region.kind != "both":
            found.append(region)
        elif ours == theirs:
            found.append(region._replace(kind="ours"))
        elif not ours or not theirs:
            found.append(region)
        else:
            for each in changes(ours, theirs):
                at1, at2 = region.ours[0] + each.at1, region.theirs[0] + each.at2
                found.append(_Region("both", region.base, (at1, at1 + each.count1), (at2, at2 + each.count2)))
    return _joined(found, one)


def _joined(regions: list[_Region], one: list[bytes]) -> list[_Region]:
    """Conflicts with at most three lines between them are one (xdl_simplify_non_conflicts)."""
    found: list[_Region] = []
    for region in regions:
        last = found[-1] if found else None
        if last and last.kind == region.kind == "both" and region.ours[0] - last.ours[1] <= 3:
            found[-1] = _Region(
                "both",
                (last.base[0], region.base[1]),
                (last.ours[0], region.ours[1]),
                (last.theirs[0], region.theirs[1]),
            )
        else:
            found.append(region)
    return found


def merged_trees(repo: Repo, trees: tuple[str, str, str], names: tuple[str, str]) -> Steps[Merged]:
    """Merge what a base, ours and theirs hold. Names stand in conflict markers."""
    base, ours, theirs = (flat(repo.store, tree) for tree in trees)
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
    merged, whole = merged_lines(contents[0], contents[1], contents[2], names)
    oid = yield from repo.store.write("blob", merged)
    return Entry(mode, oid), clean and whole


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
