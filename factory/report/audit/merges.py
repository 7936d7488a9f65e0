"""What a person's merge lost of what one of its parents held."""

from collections.abc import Iterator

from factory.model.layout import QUEUE, YAML, artifact_folder, lane_folder, stem
from factory.model.lifecycle import Lane
from factory.model.run_layout import JOURNAL, is_of_recheck
from factory.report.audit.paths import artifact_of, item_in
from factory.report.audit.rules import Found, Rule, Violation
from factory.report.audit.state import AuditState
from factory.report.audit.transition import Transition
from factory.store.artifacts import Artifacts
from factory.store.days import Days
from factory.store.repository.ancestry import Side
from factory.store.repository.commit_walk import CommitDiff
from factory.store.repository.objects import EMPTY_TREE
from factory.store.repository.trees import OWN_FOLDERS, Change, diff

_ENOUGH = 20


class Merges:
    """Compares merges with their parents; it needs no memory of its own."""

    def __init__(self, state: AuditState) -> None:
        self._state = state
        self._objects = objects = state.objects
        self._finished = Days(objects, lane_folder(Lane.DONE), YAML)
        self._archive = state.archive
        self._artifacts = Artifacts(objects, self._archive)

    def check(self, transition: Transition) -> Iterator[Violation]:
        """What a parent brought to the queue and the artifacts, and the merge neither has nor went on from."""
        yield from transition.violations(self._lost(transition.step))

    def _lost(self, step: CommitDiff) -> Iterator[Found]:
        for side in step.sides:
            came = [change for change in self._came(side) if change.new]
            if side.foreign and self._below(step, came):
                continue
            missing = {item_id: path for change in came for item_id, path in self._missing(step.tree, change)}
            for item_id, path in sorted(missing.items()):
                text = f"the merge lost what {side.tip[:10]} held of {item_id}; merge it again, and keep both sides"
                yield Rule.LOST, path, text

    def _came(self, side: Side) -> Iterator[Change]:
        for folder in sorted(OWN_FOLDERS):
            before, now = (self._objects.find(tree, folder) for tree in (side.base_tree, side.tree))
            old, new = (entry.oid if entry and entry.is_folder else EMPTY_TREE for entry in (before, now))
            yield from diff(self._objects, old, new, f"{folder}/")

    def _below(self, step: CommitDiff, came: list[Change]) -> bool:
        """Whether another factory's folders came into a folder of their own, as a subtree."""
        wanted = tuple(f"/{change.path}" for change in came[:_ENOUGH])
        places = (change.path for change in diff(self._objects, step.tree_before, step.tree))
        return not wanted or any(place.endswith(wanted) for place in places)

    def _missing(self, tree: str, change: Change) -> Iterator[tuple[str, str]]:
        """(item, path) when what a change brought is not in a tree, in any form that may have become of it."""
        item_id, below = artifact_of(change.path)
        queued = item_in(change.path)
        if queued and change.new and not change.old and not self._has_item(tree, queued):
            yield queued, change.path
        elif below and change.new and not self._has_artifact(tree, item_id, below, change.new.oid):
            yield item_id, change.path

    def _has_item(self, tree: str, item_id: str) -> bool:
        """Whether an item lies in any lane."""
        folder = self._objects.folder(tree, QUEUE)
        for entry in folder.values():
            if entry.is_folder and item_id in {stem(name.lower()) for name in self._objects.tree(entry.oid)}:
                return True
        return self._finished.day(tree, item_id) is not None or self._archive.get(tree, item_id) is not None

    def _has_artifact(self, tree: str, item_id: str, below: str, oid: str) -> bool:
        day = self._artifacts.done_day(tree, item_id)
        places = [artifact_folder(item_id), *([artifact_folder(item_id, day)] if day else [])]
        kept = [entry for place in places if (entry := self._archive.find(tree, f"{place}/{below}"))]
        if below != JOURNAL:  # what was written over on the line is found where that was done
            again = is_of_recheck(below) or (item_id, below, oid) in self._state.overwritten
            return any(again or entry.oid == oid for entry in kept)
        old = self._objects.blob(oid)
        return any(self._objects.blob(entry.oid).startswith(old) for entry in kept)
