"""Taken in: what people saved here and the remote has already, of a pass that was cut off before it counted here."""

import os

from factory.store.repository.refs import NOTHING, RefUpdate
from factory.store.repository.repository import Repository
from factory.store.repository.trees import Change, diff
from factory.store.repository.view import View

_TAKEN_IN = "^factory: take in "


def taken_in_by(repository: Repository, update: RefUpdate) -> str | None:
    """The newest commit of a branch's move that has taken in what a person's files still hold here, if one has.

    A working tree has to go there first: only what is git's moves along with what became of it.
    """
    view = repository.view_of(update.branch)
    if view is None or update.old == NOTHING:
        return None
    objects, ours = repository.objects, repository.objects.commit(update.old).tree
    found = repository.git.text("rev-list", "--ancestry-path", "--grep", _TAKEN_IN, f"{update.old}..{update.new}")
    for commit in found.split():
        parsed = objects.commit(commit)
        changes = diff(objects, objects.commit(parsed.parents[0]).tree, parsed.tree)
        if any(_lies_there(view, each) and objects.find(ours, each.path) != each.new for each in changes):
            return commit
    return None


def _lies_there(view: View, change: Change) -> bool:
    if change.new is None:
        return not os.path.lexists(view.root / change.path)
    return view.checkout.has(change)
