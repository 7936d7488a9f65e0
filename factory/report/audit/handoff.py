"""The handoff: what the worker of a finished item left, and whether each of it was dismissed or became an item."""

from collections.abc import Iterator
from itertools import chain

from factory.line.mission.guards import due, guarding
from factory.line.snapshot import SnapshotReader
from factory.model.layout import lane_of
from factory.model.lifecycle import Event, Lane
from factory.report.audit.finish import Finish
from factory.report.audit.paths import by_item, item_in
from factory.report.audit.rules import Found, Rule, Violation
from factory.report.audit.state import AuditState
from factory.report.audit.transition import Transition
from factory.store.repository.trees import Change


class Handoff:
    """Goes along the commits, and remembers how many items the factory still has to make of what was left."""

    def __init__(self, state: AuditState) -> None:
        self._state = state
        self._reader = SnapshotReader(state.repository, "")
        self._owed: dict[str, tuple[str, int]] = {}  # of a finished item: (the commit, how many)

    def check(self, transition: Transition) -> Iterator[Violation]:
        """What is wrong with the items that the factory says it made of what was left."""
        if transition.ours and not transition.moved:
            found, _ = self._made(transition)
            yield from transition.violations(found)

    def advance(self, transition: Transition) -> None:
        """Go on to a commit: what a finish leaves, and what has become an item."""
        if transition.moved:
            self._owed |= self._left(transition)
        elif transition.ours:
            _, self._owed = self._made(transition)

    def _made(self, transition: Transition) -> tuple[list[Found], dict[str, tuple[str, int]]]:
        """What is wrong with the items that a commit made, and what is owed after it."""
        found: list[Found] = []
        owed = dict(self._owed)
        new = by_item(change for change in transition.step.changes if change.new and not change.old)
        for item_id, changes in new.items():
            if lane_of(changes[0].path) is not Lane.INBOX:
                continue
            item = self._state.reader.item(transition.filed[item_id])
            parent = (item.discovered_from if item else None) or ""
            commit, loose = owed.pop(parent, ("", 0))
            if self._is_due(transition, changes[0]):
                continue
            if loose > 1:
                owed[parent] = commit, loose - 1
            elif not loose:
                found.append((Rule.TRAILERS, changes[0].path, "came from the factory, and no finished item left it"))
        return found, owed

    def _is_due(self, transition: Transition, change: Change) -> bool:
        """Whether an item is what the guards of finished missions file then."""
        target, tree = transition.step.parents[0], transition.step.tree_before
        item = self._state.reader.item(transition.filed[item_in(change.path)])
        mission = (item.mission or item.discovered_from) if item else None
        if mission is None or change.new is None:
            return False
        policy = self._state.policy(tree)
        if policy.target_branch != policy.branch:
            return True  # what the target held at that time is written down nowhere
        missions = guarding(self._reader, tree, target, {})
        made = (due(self._reader, tree, target, each, files) for each, files in missions if each == mission)
        return change.path in (found := dict(chain.from_iterable(made))) and (
            self._state.reader.blob(change.new.oid) == found[change.path]
        )

    def _left(self, transition: Transition) -> dict[str, tuple[str, int]]:
        """How much the finish of an item leaves that no person dismissed."""
        owed: dict[str, tuple[str, int]] = {}
        for line in transition.lines:
            left = line.record.history.loose_ends.keys()
            item = self._state.reader.item(line.record)
            if item and item.mission:
                continue  # there it is an issue, for the mission's own rule
            if left and line.entry.event is Event.FINISH:
                loose = len(left - Finish(self._state, line, transition).dismissed())
                owed |= {line.record.id: (transition.step.commit, loose)} if loose else {}
        return owed

    def rest(self) -> Iterator[Violation]:
        """What never became an item."""
        for item_id, (commit, left) in self._owed.items():
            yield Violation(Rule.HANDOFF, commit, "", f"{item_id} was finished, and {left} of what it left is no item")
