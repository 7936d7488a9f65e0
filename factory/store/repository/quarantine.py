"""Quarantine: what a worker left as git objects, apart from the repository's until it has been accepted."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from factory.store import files
from factory.store.repository.git import Git
from factory.store.repository.objects import EMPTY_TREE, REPOSITORY, Objects, name_of, tree_data
from factory.store.repository.patches import AS_WRITTEN
from factory.store.repository.trees import sound_tree

Brought = Mapping[str, tuple[str, bytes]]  # kind and content by object id


class Quarantine(AbstractContextManager["Quarantine"]):
    """A tree, and the objects that it needs besides the repository's. Refused ones go with their folder."""

    def __init__(self, git: Git, common_dir: Path, folder: Path, tree: str) -> None:
        self._git = git
        self._folder = folder
        self.tree = tree
        self.objects = Objects(git, common_dir)  # to be read only

    def patch(self, old: str) -> bytes:
        """The difference to a tree of the repository, in a form that `git apply` takes."""
        return self._git.run("diff-tree", *AS_WRITTEN, old, self.tree)

    def brought(self, old: str) -> Brought:
        """The objects that a tree of the repository does not lead to."""
        return brought_between(self.objects, old, self.tree)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.objects.close()
        files.remove_tree(self._folder)


def brought_between(objects: Objects, old: str, new: str) -> Brought:
    """The objects of a tree that another one does not lead to."""
    found: dict[str, tuple[str, bytes]] = {}
    if old != new:
        _look(objects, old, new, found)
    return found


def _look(objects: Objects, old: str, new: str, found: dict[str, tuple[str, bytes]]) -> None:
    before = objects.tree(old)
    for name, entry in objects.tree(new).items():
        was = before.get(name)
        if was == entry or entry.mode == REPOSITORY:
            continue
        if entry.is_folder:
            _look(objects, was.oid if was and was.is_folder else EMPTY_TREE, entry.oid, found)
        else:
            found[entry.oid] = ("blob", objects.blob(entry.oid))
    found[new] = ("tree", tree_data(objects.tree(new)))


def unsound(brought: Brought, objects: Objects) -> str:
    """What is wrong with objects that come from elsewhere; empty when a repository can hold them.

    Each is a file or a folder that is named after its content, and what a folder holds is among them or here.
    """
    wanted: dict[str, str] = {}
    for oid, (kind, data) in brought.items():
        entries = sound_tree(data) if kind == "tree" else {}
        if kind not in ("blob", "tree") or entries is None or name_of(kind, data) != oid:
            return f"{oid[:10]}, which it brought, is no {kind} of that name"
        wanted |= {
            entry.oid: "tree" if entry.is_folder else "blob"
            for entry in entries.values()
            if entry.oid not in brought and entry.mode != REPOSITORY
        }
    here = objects.kinds(tuple(wanted))
    astray = next((oid for oid, kind in zip(wanted, here, strict=True) if wanted[oid] != kind), None)
    return f"the {wanted[astray]} {astray[:10]} was not brought" if astray else ""
