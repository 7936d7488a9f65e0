"""A loss of power: what the machine had not written when it went off is made whole, before anybody reads it."""

from collections.abc import Iterable, Iterator, Sequence

from factory.model.layout import in_queue, parse
from factory.model.places import ItemFile
from factory.store import files
from factory.store.repository.index import is_torn
from factory.store.repository.objects import FILE, Objects, TreeEntry, name_of
from factory.store.repository.refs import NOTHING, RefUpdate
from factory.store.repository.repair import Repair
from factory.store.repository.trees import OWN_FOLDERS, Change
from factory.store.repository.view import View

_EMPTY = name_of("blob", b"")


def repair_after_power_loss(
    views: Iterable[View], objects: Objects, repair: Repair, updates: Sequence[RefUpdate]
) -> bool:
    """Mend every working tree; whether there was something to mend. `updates` are of a batch that was not finished.

    Git syncs neither an index nor the files that it checks out, and no more does the factory: all of it follows from
    what a branch holds. A file system may keep such a file's name and none of its content.
    """
    known = [update for update in updates if repair.known(update)]
    mended = [_mend(view, objects, repair, known) for view in views]
    return any(mended)


def _mend(view: View, objects: Objects, repair: Repair, updates: Sequence[RefUpdate]) -> bool:
    head = repair.head_of(view)
    torn = is_torn(view.index.path)
    if torn:
        view.lock.kept = view.lock.is_left()  # what it keeps from being committed is finished only after this
        with view.lock.held(adopt=True, lasting=True):
            view.index.make_anew(head)
        view.lock.kept = False
    # Files that were not brought up yet lie as the branch had them before.
    before = [update.old for update in updates if update.branch == view.branch() and update.old != NOTHING]
    empty = list(_emptied(view, objects, [head, *before])) if head else []
    view.checkout.restore(objects, empty)
    return torn or bool(empty)


def _emptied(view: View, objects: Objects, commits: Sequence[str]) -> Iterator[Change]:
    """The factory's own files that are empty here and not so in the first commit that has them: nobody means that.

    Neither does anybody mean an empty one among the artifacts that no commit has: it is to go.
    """
    trees = [objects.commit(commit).tree for commit in commits]
    edits = view.edits(*sorted(OWN_FOLDERS))
    gone = {path.rpartition("/")[2]: path for letters, path in edits if "D" in letters and _is_item(path)}
    for _, path in edits:
        # An item that a person has moved is known by its name.
        moved = gone.get(path.rpartition("/")[2]) if _is_item(path) else None
        places = (path, moved) if moved else (path,)
        entry = next(filter(None, (objects.find(tree, place) for place in places for tree in trees)), None)
        # What was pulled and is on no branch any more is in the way of what comes to lie there.
        meant = entry.oid == _EMPTY if entry else in_queue(path)
        if not meant and files.read_regular(view.root / path) == b"":
            yield Change(path, TreeEntry(FILE, _EMPTY), entry)


def _is_item(path: str) -> bool:
    return isinstance(parse(path), ItemFile)
