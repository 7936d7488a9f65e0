"""What people have saved of a branch's files and not committed, wherever that counts."""

from collections.abc import Collection, Iterable, Sequence

from factory.model.layout import item_in_queue
from factory.store.repository.objects import Objects
from factory.store.repository.refs import NOTHING, RefUpdate
from factory.store.repository.trees import Change, diff
from factory.store.repository.view import View


def checked_out(view: View, objects: Objects) -> str | None:
    """The commit that a working tree shows; None when its branch has none yet."""
    branch = view.branch()
    found = objects.read(f"refs/heads/{branch}" if branch else view.detached_at() or NOTHING)
    return found[0] if found and found[1] == "commit" else None


def changed_by_people(views: Iterable[View], objects: Objects, branch: str, held: Sequence[Change]) -> list[str]:
    """Which files that a branch holds (each a change from it to nothing) a person has changed, moved or removed.

    In the working tree that shows the branch; where none does, in every one, as far as it rests on the same content.
    """
    trees = list(views)
    shown = next((view for view in trees if view.branch() == branch), None)
    if shown is not None:
        return shown.local_changes(held)
    return sorted({path for view in trees for path in view.local_changes(_same_there(view, objects, held))})


def saved_elsewhere(views: Iterable[View], objects: Objects, update: RefUpdate, landing: Collection[str]) -> list[str]:
    """The queue's files of items that land which a person has changed, where no working tree shows the queue's branch.

    Where one does, its files are looked at with the index.
    """
    trees = list(views) if landing else []
    if any(view.branch() == update.branch for view in trees) or NOTHING in update:
        return []
    before, after = (objects.commit(commit).tree for commit in (update.old, update.new))
    gone = [each for each in diff(objects, before, after) if each.old and item_in_queue(each.path) in landing]
    return changed_by_people(trees, objects, update.branch, [Change(each.path, each.old, None) for each in gone])


def _same_there(view: View, objects: Objects, held: Sequence[Change]) -> list[Change]:
    commit = checked_out(view, objects)
    tree = objects.commit(commit).tree if commit else None
    return [each for each in held if tree and objects.find(tree, each.path) == each.old]
