"""Batches of the merge train: what was proven only together with what came behind it has come in together with it."""

from collections.abc import Iterator
from typing import NamedTuple

from factory.model.journal import Entry
from factory.model.lifecycle import Event
from factory.report.audit.content import content_name
from factory.report.audit.rules import Found, Rule, Violation
from factory.report.audit.state import AuditState
from factory.report.audit.transition import Transition


class _Open(NamedTuple):
    """A batch of which something has come in, and not all yet."""

    commit: str
    item_id: str
    content: str  # what has come in so far
    tree: str  # what was checked, and has to come


class Batches:
    """Goes along a branch from finish to finish."""

    def __init__(self, state: AuditState) -> None:
        self._state = state
        self._objects = state.objects
        self._open: _Open | None = None

    def check(self, transition: Transition) -> Iterator[Violation]:
        """What is wrong with a finish, when a batch is open."""
        entry = self._finished(transition)
        if self._open is not None and entry is not None and not self._goes_on(self._open, entry):
            yield from transition.violations(_torn(self._open))

    def _goes_on(self, batch: _Open, entry: Entry) -> bool:
        parents = self._objects.commit(entry.applied or "").parents
        before = content_name(self._objects, self._objects.commit(parents[0]).tree) if parents else ""
        return entry.merged is not None and entry.merged.tree == batch.tree and before == batch.content

    def advance(self, transition: Transition) -> None:
        """Go on to a commit: a batch begins, goes on, or has come in whole."""
        entry = self._finished(transition)
        if entry is None:
            return
        self._open = None
        content = content_name(self._objects, self._objects.commit(entry.applied or "").tree)
        if entry.merged is not None and entry.merged.tree != content:
            self._open = _Open(transition.step.commit, transition.item_id, content, entry.merged.tree)

    def rest(self) -> Iterator[Violation]:
        """What has come in of a batch that nothing more came of."""
        if self._open is not None:
            yield from (Violation(rule, self._open.commit, path, text) for rule, path, text in _torn(self._open))

    def _finished(self, transition: Transition) -> Entry | None:
        """The line of a journal by which something came in here; None of what a person carried here."""
        record = transition.after.get(transition.item_id) if transition.moved and not transition.carried else None
        entry = record.history.entries[-1] if record and record.history.entries else None
        found = self._objects.read(entry.applied) if entry and entry.applied else None
        return entry if entry and entry.event is Event.FINISH and found and found[1] == "commit" else None


def _torn(batch: _Open) -> Iterator[Found]:
    text = f"{batch.item_id} was proven by checks of {batch.tree[:10]}, and what came in with it is not that"
    yield Rule.MERGED, "", text
