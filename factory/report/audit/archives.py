"""The archive: whether the index says of each item that leaves the tree what it was, and says so for good."""

from collections.abc import Iterator

from factory.model.archive import ArchivedItem
from factory.model.journal import fold
from factory.model.layout import item_path, parse
from factory.model.lifecycle import Lane
from factory.model.moments import day_of
from factory.model.places import ArchiveIndex
from factory.model.run_layout import JOURNAL
from factory.report.audit.archiving import added_by, indexes_in
from factory.report.audit.dates import SKEW
from factory.report.audit.lines import entries_of
from factory.report.audit.record import ItemRecord
from factory.report.audit.rules import Found, Rule, Violation
from factory.report.audit.state import AuditState
from factory.report.audit.transition import Transition
from factory.store.archive import archived_in
from factory.store.repository.commit_walk import CommitDiff
from factory.store.repository.trees import Change


class Archives:
    """Holds each line against what the item's own files said; it needs no memory of its own."""

    def __init__(self, state: AuditState) -> None:
        self._state = state
        self._reader = state.reader
        self._objects = state.objects

    def check(self, transition: Transition) -> Iterator[Violation]:
        """What is wrong with what a commit did to the index, or took out of the tree by it."""
        for change in indexes_in(transition.step):
            yield from transition.violations(self._index(transition, change))
        if transition.archiving.before:
            yield from transition.violations(self._commit(transition))
            yield from transition.violations(self._lines(transition))

    def _index(self, transition: Transition, change: Change) -> Iterator[Found]:
        """It only grows, by the factory's hand; a person's merge has all of what its parents have."""
        old, new = (self._reader.blob(entry.oid) if entry else b"" for entry in (change.old, change.new))
        if not transition.ours:
            if len(transition.step.parents) < 2 or not self._is_united(transition.step, change):
                yield Rule.ARCHIVE, change.path, f"{transition.step.author} changed what only the factory writes"
        elif change.new is None:
            yield Rule.ARCHIVE, change.path, "was taken away"
        elif not (new.startswith(old) and new.endswith(b"\n")):
            yield Rule.ARCHIVE, change.path, "was changed where it had been written already"
        elif any(archived_in(line) is None for line in added_by(change, self._reader)):
            yield Rule.ARCHIVE, change.path, "has a line that cannot be read"

    def _is_united(self, step: CommitDiff, change: Change) -> bool:
        """Whether a merge has every line that a parent has, and no other."""
        trees = (self._objects.commit(parent).tree for parent in step.parents)
        held = b"".join(self._objects.file(tree, change.path) or b"" for tree in trees)
        now = self._reader.blob(change.new.oid) if change.new else b""
        return sorted(set(held.splitlines())) == sorted(now.splitlines())

    def _commit(self, transition: Transition) -> Iterator[Found]:
        step, archiving = transition.step, transition.archiving
        others = (each.path for each in step.changes if not archiving.takes(each))
        beside = next((path for path in others if not isinstance(parse(path), ArchiveIndex)), None)
        if beside is not None:
            yield Rule.TRAILERS, beside, f"says it archives, and changes {beside}"
        if archiving.before > day_of(step.at + SKEW):
            yield Rule.ARCHIVE, "", f"archives what was finished before {archiving.before}, which was yet to come"

    def _lines(self, transition: Transition) -> Iterator[Found]:
        """Whether each item had ended before that day, as its line says, and its mission too."""
        step, archiving = transition.step, transition.archiving
        known = self._state.known(transition.after, step.tree_before)
        missions: dict[str, bool] = {}  # whether each has ended, or never was
        for item in archiving.untrue:
            yield Rule.ARCHIVE, _path(item), f"{item.id} was not what its line in the index says"
        for item in archiving.items.values():
            if item.day >= archiving.before:
                yield Rule.ARCHIVE, _path(item), f"{item.id} was finished on {item.day}, and not before the day named"
            if item.commit != step.before and not transition.carried:  # a rebase changes ids, and not what files hold
                yield Rule.ARCHIVE, _path(item), f"{item.id} is said to have lain in {item.commit[:10]} last"
            read = self._reader.item(ItemRecord(item.id, archived=item))
            if read is None or read.title != item.title:
                yield Rule.ARCHIVE, _path(item), f"{item.id} is archived under a title that is not its own"
            yield from self._outcome(item)
            mission = read.mission if read else None
            if mission and mission not in missions:
                missions[mission] = mission in archiving.items or known(mission).ended_or_gone
            if mission and not missions[mission]:
                yield Rule.ARCHIVE, _path(item), f"{item.id} was archived before its mission {mission} had ended"

    def _outcome(self, item: ArchivedItem) -> Iterator[Found]:
        journal = self._objects.find(item.artifacts, JOURNAL)
        history = fold(entries_of(self._reader.blob(journal.oid))) if journal and journal.is_file else None
        if history is None or history.lane is not Lane.DONE or history.outcome is not item.outcome:
            told = history.outcome if history else None
            yield Rule.ARCHIVE, _path(item), f"{item.id} is archived as {item.outcome}, and its journal says {told}"


def _path(item: ArchivedItem) -> str:
    return item_path(Lane.DONE, item.id, item.day)
