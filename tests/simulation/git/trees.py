"""Trees: written from entries, read as a list of files, compared without reading what is the same."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from tests.simulation.git.objects import EMPTY_TREE, TREE_MODE, Entry, Store, Tree, tree_data
from tests.simulation.git.steps import Steps

Files = dict[bytes, Entry]

_REMEMBERED = 1000
# By the id of a tree, with what stands before its paths, the files below it, and all the trees in which they are told.
_flat: dict[tuple[str, bytes], tuple[Files, dict[str, None]]] = {}


class Change(NamedTuple):
    """What became of a path; None is "not there"."""

    path: bytes
    old: Entry | None
    new: Entry | None

    @property
    def letter(self) -> str:
        """git's word for it."""
        if self.old is None:
            return "A"
        if self.new is None:
            return "D"
        return "T" if self.old.mode & 0o170000 != self.new.mode & 0o170000 else "M"


def flat(store: Store, tree: str, prefix: bytes = b"") -> Files:
    """Every file below a tree, by its path."""
    known = _flat.get((tree, prefix))
    if known is None:
        known = {}, {}
        _gather(store, tree, prefix, *known)
        if len(_flat) > _REMEMBERED:
            _flat.clear()
        _flat[tree, prefix] = known
    else:
        for folder in known[1]:
            store.tree(folder)  # that it is there
    return known[0].copy()


def _gather(store: Store, tree: str, prefix: bytes, found: Files, folders: dict[str, None]) -> None:
    folders[tree] = None
    for name, entry in store.tree(tree).items():
        if entry.mode == TREE_MODE:
            _gather(store, entry.oid, prefix + name + b"/", found, folders)
        else:
            found[prefix + name] = entry


def compared(
    store: Store, old: str, new: str, reaches: Callable[[bytes], bool] = lambda _: True, prefix: bytes = b""
) -> Iterator[Change]:
    """What differs between two trees, in git's order; folders that `reaches` says no to are left out."""
    if old == new:
        return
    before, after = store.tree(old), store.tree(new)
    differing = {name for name, _ in before.items() ^ after.items()}
    for name in sorted(differing, key=lambda name: _order(name, before, after)):
        one, two = before.get(name), after.get(name)
        path = prefix + name
        below = [entry.oid if entry and entry.mode == TREE_MODE else EMPTY_TREE for entry in (one, two)]
        one, two = (None if entry and entry.mode == TREE_MODE else entry for entry in (one, two))
        changes: list[Change] = [Change(path, one, two)] if one or two else []
        if below[0] != below[1] and reaches(path):
            changes += compared(store, below[0], below[1], reaches, path + b"/")
        yield from changes if not (one or two) or len(changes) == 1 else sorted(changes)


def _order(name: bytes, before: Tree, after: Tree) -> bytes:
    entry = before.get(name) or after[name]
    return name + b"/" if entry.mode == TREE_MODE else name


def built(store: Store, entries: Mapping[bytes, Entry]) -> Steps[str]:
    """Write the trees that hold these files; the id of the root."""
    here: Tree = {}
    below: dict[bytes, Files] = {}
    for path, entry in entries.items():
        name, slash, rest = path.partition(b"/")
        if slash:
            below.setdefault(name, {})[rest] = entry
        else:
            here[name] = entry
    for name, held in below.items():
        here[name] = Entry(TREE_MODE, (yield from built(store, held)))
    return (yield from store.write("tree", tree_data(here)))


def of_paths(changes: Iterable[Change], meant: Callable[[bytes], bool]) -> Iterator[Change]:
    """Those of these changes that are about paths which are meant."""
    return (change for change in changes if meant(change.path))
