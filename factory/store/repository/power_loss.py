"""A loss of power: what the machine had not written when it went off is made whole, before anybody reads it."""

from collections.abc import Iterable, Iterator

from factory.store import files
from factory.store.repository.index import is_torn
from factory.store.repository.objects import Objects, name_of
from factory.store.repository.repair import Repair
from factory.store.repository.trees import OWN_FOLDERS, Change
from factory.store.repository.view import View

_EMPTY = name_of("blob", b"")


def repair_after_power_loss(views: Iterable[View], objects: Objects, repair: Repair) -> bool:
    """Mend every working tree; whether there was something to mend.

    Git syncs neither an index nor the files that it checks out, and no more does the factory: all of it follows from
    what a branch holds. A file system may keep such a file's name and none of its content.
    """
    mended = [_mend(view, objects, repair) for view in views]
    return any(mended)


def _mend(view: View, objects: Objects, repair: Repair) -> bool:
    head = repair.head_of(view)
    torn = is_torn(view.index.path)
    if torn:
        with view.lock.held(adopt=True):
            view.index.make_anew(head)
    empty = list(_emptied(view, objects, head)) if head else []
    view.checkout.restore(objects, empty)
    return torn or bool(empty)


def _emptied(view: View, objects: Objects, head: str) -> Iterator[Change]:
    """The factory's own files that are empty here and not so on the branch: nobody means that."""
    tree = objects.commit(head).tree
    for _, path in view.edits(*sorted(OWN_FOLDERS)):
        entry = objects.find(tree, path)
        if entry is not None and entry.oid != _EMPTY and files.read_regular(view.root / path) == b"":
            yield Change(path, entry._replace(oid=_EMPTY), entry)
