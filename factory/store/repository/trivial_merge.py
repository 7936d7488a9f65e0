"""The trivial merge, made without git: each file was changed on one side at most.

Nothing was deleted on either side, so that nothing can have been renamed; whatever is less plain is left to git.
"""

from collections.abc import Iterator
from itertools import islice

from factory.store.repository.objects import EMPTY_TREE, Objects, Tree

_BEYOND = 300  # commits of a line that are looked at below a base: proposals that landed since may rest on these
_SIDES = 100  # commits beside the line


class _Unclear(Exception):
    """Git has to say."""


def trivially_merged(objects: Objects, base: str, ours: str, theirs: str) -> str | None:
    """The tree in which both differences to a base are; None when only git can say what that is."""
    try:
        return _merged(objects, base, ours, theirs)
    except _Unclear:
        return None


def _merged(objects: Objects, base: str, ours: str, theirs: str) -> str:
    was, mine, other = (objects.tree(tree) for tree in (base, ours, theirs))
    found: Tree = dict(mine)
    for name in sorted(was.keys() | mine.keys() | other.keys()):
        before, here, there = was.get(name), mine.get(name), other.get(name)
        for now in (here, there):
            if before is not None and now != before:
                if now is None or now.is_folder != before.is_folder:
                    raise _Unclear
                _keeps_all(objects, before.oid, now.oid, folder=now.is_folder)
        if here in (before, there):
            if there is not None:
                found[name] = there
        elif there != before:
            if here is None or there is None or not (here.is_folder and there.is_folder):
                raise _Unclear
            below = _merged(objects, before.oid if before else EMPTY_TREE, here.oid, there.oid)
            found[name] = here._replace(oid=below)
    return objects.add_tree(found)


def _keeps_all(objects: Objects, old: str, new: str, *, folder: bool) -> None:
    """Raises _Unclear when something is not there any more."""
    if not folder or old == new:
        return
    after = objects.tree(new)
    for name, entry in objects.tree(old).items():
        now = after.get(name)
        if now is None or now.is_folder != entry.is_folder:
            raise _Unclear
        _keeps_all(objects, entry.oid, now.oid, folder=entry.is_folder)


def _down(objects: Objects, commit: str) -> Iterator[str]:
    """The line below a commit."""
    while parents := objects.commit(commit).parents:
        commit = parents[0]
        yield commit


def rests_on(objects: Objects, tip: str, base: str, proposal: str) -> bool:
    """Whether a base is what a tip and a proposal made on it have in common, and the tip has nothing of the proposal.

    False also when that is not plain to see.
    """
    if objects.commit(proposal).parents != (base,):
        return False
    line = {tip: None}
    sides: list[str] = []
    while base not in line:
        newest = next(reversed(line))
        parents = objects.commit(newest).parents
        if not parents or len(line) > _BEYOND:
            return False
        line[parents[0]] = None
        sides += parents[1:]
    line |= dict.fromkeys(islice(_down(objects, base), _BEYOND if sides else 0))
    for count, side in enumerate(sides):  # which grows meanwhile
        if side == proposal or count > _SIDES:
            return False
        sides += [parent for parent in objects.commit(side).parents if parent not in line]
    return True
