"""Finished items of which no journal tells: a person put their files among the finished ones of a day."""

from collections.abc import Iterator

from factory.model.item import id_problem
from factory.model.layout import YAML, finished_artifacts, lane_folder, stem
from factory.model.lifecycle import Lane
from factory.store.repository.objects import EMPTY_TREE, Objects


class Unrecorded:
    """Finds them, and looks at each state of a day only once."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._found: dict[str, tuple[tuple[str, str], tuple[str, ...]]] = {}  # by day: what it held, and who is there

    def ids(self, tree: str) -> Iterator[str]:
        """The ids of files that lie under a day under which they have no artifacts."""
        kept = self._objects.folder(tree, finished_artifacts())
        for day, entry in self._objects.folder(tree, lane_folder(Lane.DONE)).items():
            if entry.is_folder:
                beside = kept.get(day)
                holds = entry.oid, beside.oid if beside and beside.is_folder else EMPTY_TREE
                if day not in self._found or self._found[day][0] != holds:
                    self._found[day] = holds, tuple(self._among(*holds))
                yield from self._found[day][1]

    def _among(self, items: str, artifacts: str) -> Iterator[str]:
        known = self._objects.tree(artifacts)
        for name, entry in self._objects.tree(items).items():
            item_id = stem(name)
            if entry.is_file and item_id not in known and name == f"{item_id}{YAML}" and not id_problem(item_id):
                yield item_id
