"""Quarantine: what a worker left as git objects, apart from the repository's until it has been accepted."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from factory.store import files
from factory.store.repository.git import Git
from factory.store.repository.objects import EMPTY_TREE, REPOSITORY, Objects, tree_data
from factory.store.repository.patches import AS_WRITTEN

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
        found: dict[str, tuple[str, bytes]] = {}
        if old != self.tree:
            self._look(old, self.tree, found)
        return found

    def _look(self, old: str, new: str, found: dict[str, tuple[str, bytes]]) -> None:
        before = self.objects.tree(old)
        for name, entry in self.objects.tree(new).items():
            was = before.get(name)
            if was == entry or entry.mode == REPOSITORY:
                continue
            if entry.is_folder:
                self._look(was.oid if was and was.is_folder else EMPTY_TREE, entry.oid, found)
            else:
                found[entry.oid] = ("blob", self.objects.blob(entry.oid))
        found[new] = ("tree", tree_data(self.objects.tree(new)))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.objects.close()
        files.remove_tree(self._folder)
