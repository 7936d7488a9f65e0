"""Carry: what only this clone has is laid on what the remote has, an item as a whole; what both changed is named."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from factory.model.layout import parse
from factory.model.places import Artifact, ItemFile, Opened
from factory.store.repository.objects import Objects
from factory.store.repository.repository import Repository
from factory.store.repository.trees import OWN_FOLDERS, Change, TreeEditor, diff


@dataclass(frozen=True)
class Carried:
    """What came of it: a tree, and by name what one of both has to decide: items, and paths of other files."""

    tree: str
    contested: tuple[str, ...]


def carried(repository: Repository, base: str, ours: str, theirs: str) -> Carried:
    """The tree of a commit of theirs with all that one of ours has made of a common one.

    A journal is never put together of two: of an item that both have touched theirs counts, and of ours only edits of
    files that they have left as they were, such as a verdict.
    """
    objects = repository.objects
    before, mine, other = (objects.commit(commit).tree for commit in (base, ours, theirs))
    changed = _by_subject(_own_changes(objects, before, mine))
    touched = _by_subject(_own_changes(objects, before, other)).keys()
    tree, contested = TreeEditor(objects, other), list[str]()
    for subject, changes in changed.items():
        missing = [change for change in changes if objects.find(other, change.path) != change.new]
        if subject in touched and not all(_edits_in_place(objects, other, change) for change in missing):
            contested.append(subject)
            continue
        for change in missing:
            if change.new is None:
                tree.remove(change.path)
            else:
                tree.put(change.path, change.new)
    merged = repository.merge(base, theirs, ours)
    return Carried(repository.with_content(tree.write(), merged.tree), (*contested, *merged.conflicts))


def _own_changes(objects: Objects, old: str, new: str) -> Iterable[Change]:
    others = (objects.tree(old).keys() | objects.tree(new).keys()) - OWN_FOLDERS
    return diff(objects, old, new, without=others)


def _by_subject(changes: Iterable[Change]) -> Mapping[str, list[Change]]:
    """The changes by the item that they are of; of other files, by path."""
    found: dict[str, list[Change]] = {}
    for change in changes:
        place = parse(change.path)
        if isinstance(place, ItemFile):
            subject = place.id
        elif isinstance(place, Artifact | Opened):
            subject = place.item_id
        else:
            subject = change.path
        found.setdefault(subject, []).append(change)
    return found


def _edits_in_place(objects: Objects, tree: str, change: Change) -> bool:
    """Whether a change is an edit of a file of the queue that still lies in a tree as it was before the edit."""
    edited = change.old is not None and change.new is not None
    queued = isinstance(parse(change.path), ItemFile | Opened)
    return edited and queued and objects.find(tree, change.path) == change.old
