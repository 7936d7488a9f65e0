"""Saved: what people have saved here of what the remote has moved on; it follows, or is in the way."""

import os

from factory.model.layout import parse
from factory.model.lifecycle import Lane
from factory.model.places import ItemFile
from factory.store.repository.refs import NOTHING, RefUpdate
from factory.store.repository.repository import Repository
from factory.store.repository.trees import Change, diff
from factory.store.repository.view import View

_TAKEN_IN, _FIRST = "^factory: take in ", 20  # what was cut off began where this clone still is


def taken_in_by(repository: Repository, update: RefUpdate) -> str | None:
    """The newest commit of a branch's move that has taken in what a person's files still hold here, if one has.

    So it is where a pass was cut off before it counted here. A working tree has to go there first: only what is git's
    moves along with what became of it.
    """
    view = repository.view_of(update.branch)
    if view is None or update.old == NOTHING:
        return None
    objects, ours = repository.objects, repository.objects.commit(update.old).tree
    found = repository.git.text("rev-list", "--ancestry-path", "--grep", _TAKEN_IN, f"{update.old}..{update.new}")
    for commit in found.split()[-_FIRST:]:
        parsed = objects.commit(commit)
        changes = diff(objects, objects.commit(parsed.parents[0]).tree, parsed.tree)
        if any(_lies_there(view, each) and objects.find(ours, each.path) != each.new for each in changes):
            return commit
    return None


def _lies_there(view: View, change: Change) -> bool:
    return view.checkout.has(change) if change.new else not os.path.lexists(view.root / change.path)


def disputed(repository: Repository, update: RefUpdate) -> list[str]:
    """The items of which a person has saved what cannot be an answer to what a branch's move brings.

    They have moved what is at its end by now, which is not to begin it anew; or have written, at its very place, what
    was not made of what lies there now.
    """
    view = repository.view_of(update.branch)
    if view is None or update.old == NOTHING:
        return []
    objects = repository.objects
    changes = diff(objects, objects.commit(update.old).tree, objects.commit(update.new).tree)
    files = [(place, each) for each in changes if isinstance(place := parse(each.path), ItemFile)]
    over = {place.id for place, each in files if each.new and place.lane is Lane.DONE}
    return [place.id for place, each in files if _moved_or_written(view, place, each, over)]


def _moved_or_written(view: View, place: ItemFile, change: Change, over: set[str]) -> bool:
    there = os.path.lexists(view.root / change.path)
    if change.new is None:
        return not there and place.id in over and place.lane is not Lane.DONE
    return there and not any(view.checkout.has(change._replace(new=each)) for each in (change.old, change.new))
