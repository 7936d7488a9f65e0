"""Folders as git knows them: edited in memory, compared without reading what is the same."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from factory.model.errors import InvalidFile, Problem
from factory.model.layout import ARTIFACTS, QUEUE
from factory.model.names import leads_astray
from factory.model.text import printable
from factory.store.repository.objects import (
    EMPTY_TREE,
    FILE,
    FOLDER,
    REPOSITORY,
    Objects,
    Tree,
    TreeEntry,
    parse_tree,
    tree_data,
)

# What only the factory writes. Everything else in the repository is the project.
OWN_FOLDERS = frozenset({QUEUE, ARTIFACTS})

_MODES = frozenset({FILE, "100755", "120000", FOLDER, REPOSITORY})
_DIGITS = 40  # of an object id


class Change(NamedTuple):
    """What became of one file between two trees; None is "not there"."""

    path: str
    old: TreeEntry | None
    new: TreeEntry | None

    @property
    def of_factory(self) -> bool:
        """Whether the file lies in a folder of the factory's own."""
        return self.path.partition("/")[0] in OWN_FOLDERS


class TreeEditor:
    """A tree being changed; `write` gives its id, and editing may go on from there."""

    def __init__(self, objects: Objects, root: str) -> None:
        self._objects = objects
        self._oid = root
        self._entries: Tree | None = None
        self._below: dict[str, TreeEditor] = {}

    def _own(self) -> Tree:
        if self._entries is None:
            self._entries = dict(self._objects.tree(self._oid))
        return self._entries

    def _folder(self, name: str) -> "TreeEditor":
        if name not in self._below:
            entry = self._own().get(name)
            oid = entry.oid if entry and entry.is_folder else EMPTY_TREE
            self._below[name] = TreeEditor(self._objects, oid)
        return self._below[name]

    def get(self, path: str) -> TreeEntry | None:
        """What lies at a path now."""
        first, _, rest = path.partition("/")
        if rest:
            present = first in self._below or first in self._own()
            return self._folder(first).get(rest) if present else None
        if first in self._below:
            return TreeEntry(FOLDER, self._below[first].write())
        return self._own().get(first)

    def put(self, path: str, entry: TreeEntry) -> None:
        """Lay an entry at a path, in place of what was there. Raises InvalidFile where no file can be."""
        if leads_astray(path):
            raise InvalidFile(Problem(printable(path), 1, 1, "is no path that a file in a repository can have"))
        self._put(path, entry)

    def _put(self, path: str, entry: TreeEntry) -> None:
        first, _, rest = path.partition("/")
        if rest:
            self._folder(first)._put(rest, entry)
        else:
            self._below.pop(first, None)
            self._own()[first] = entry

    def put_file(self, path: str, data: bytes) -> None:
        """Lay a plain file at a path."""
        self.put(path, TreeEntry(FILE, self._objects.add("blob", data)))

    def remove(self, path: str) -> TreeEntry | None:
        """Take away what lies at a path, and say what it was."""
        entry = self.get(path)
        if entry is not None:
            first, _, rest = path.partition("/")
            if rest:
                self._folder(first).remove(rest)
            else:
                self._below.pop(first, None)
                self._own().pop(first, None)  # a folder made since the last write is only below
        return entry

    def move(self, source: str, target: str) -> None:
        """Move a file or a folder, if it is there."""
        entry = self.remove(source)
        if entry is not None:
            self.put(target, entry)

    def write(self) -> str:
        """The id of the tree as it is now. Folders without content vanish, as in git."""
        if self._entries is None and not self._below:
            return self._oid
        entries = self._own()
        for name, folder in self._below.items():
            oid = folder.write()
            if oid == EMPTY_TREE:
                entries.pop(name, None)
            else:
                entries[name] = TreeEntry(FOLDER, oid)
        self._oid = self._objects.add_tree(entries)
        return self._oid


def sound_tree(data: bytes) -> Tree | None:
    """The folder of which git writes this; None when there is no such folder in a repository."""
    try:
        found = parse_tree(data)
    except ValueError:
        return None
    sound = all(
        entry.mode in _MODES and len(entry.oid) == _DIGITS and "/" not in name and not leads_astray(name)
        for name, entry in found.items()
    )
    return found if sound and tree_data(found) == data else None


def diff(objects: Objects, old: str, new: str, prefix: str = "", without: Collection[str] = ()) -> Iterator[Change]:
    """Every file that differs between two trees; what goes away comes before what takes its place.

    `without` names entries of the trees themselves that are left out.
    """
    if old == new:
        return
    before, after = objects.tree(old), objects.tree(new)
    for name in sorted({name for name, _ in before.items() ^ after.items()}.difference(without)):
        was, now = before.get(name), after.get(name)
        path = prefix + name
        old_file = None if was and was.is_folder else was
        new_file = None if now and now.is_folder else now
        if old_file and not new_file:
            yield Change(path, old_file, None)
        old_folder, new_folder = (entry.oid if entry and entry.is_folder else EMPTY_TREE for entry in (was, now))
        if old_folder != new_folder:
            yield from diff(objects, old_folder, new_folder, path + "/")
        if new_file:
            yield Change(path, old_file, new_file)


def pairs_of(changes: Sequence[Change]) -> dict[str, Change]:
    """For the path of each file that went, the change by which the same content came; best under the same name."""
    came: dict[str, list[Change]] = {}
    for change in changes:
        if change.new and not change.old:
            came.setdefault(change.new.oid, []).append(change)
    pairs: dict[str, Change] = {}
    for change in changes:
        candidates = came.get(change.old.oid, []) if change.old and not change.new else []
        if candidates:
            name = change.path.rpartition("/")[2]
            best = next((come for come in candidates if come.path.rpartition("/")[2] == name), candidates[0])
            candidates.remove(best)
            pairs[change.path] = best
    return pairs
