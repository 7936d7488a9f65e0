"""Where items lie: each in one place, moved as it is, and never lost."""

from collections.abc import Iterator

from factory.model.lifecycle import Lane
from factory.report.audit.rules import Found, Rule, Violation
from factory.report.audit.state import AuditState
from factory.report.audit.transition import Transition


class Places:
    """Goes along the commits, and remembers what a person may still put right: it counts only when they did not."""

    def __init__(self, state: AuditState) -> None:
        self._state = state
        self._gone: dict[str, tuple[str, str]] = {}  # items without a file: (commit, path) by id
        self._ended: dict[str, tuple[str, str]] = {}  # items that a person put among the finished ones: the same
        self._twice: dict[str, tuple[str, str]] = {}  # items of which a person laid a second file: the same

    def check(self, transition: Transition) -> Iterator[Violation]:
        """What is wrong with where the factory put items' files."""
        if transition.ours:
            yield from transition.violations(self._found(transition))

    def _found(self, transition: Transition) -> Iterator[Found]:
        for item_id, changes in transition.placed.items():
            known, record = transition.before[item_id], transition.filed[item_id]
            before, after = set(known.places.values()), set(record.places.values())
            before.update(each.old for each in changes if each.old)  # on a merge's other side nobody had edited it
            path = changes[-1].path
            if record.is_double:  # a person's second file is refused until one of them goes
                yield Rule.ONE_LANE, path, record.whereabouts
            filed = any(item_id in line.entry.filed for line in transition.lines)
            if before and after - before and not filed:
                yield Rule.PURE_RENAME, path, "the factory changed what an item says"
            if before and not after:
                yield Rule.LOST, path, f"the factory took {item_id} away"
            if not before and known.journal and after:
                last = known.last or self._state.deleted(item_id)
                if last is not None and last not in after:
                    yield Rule.PURE_RENAME, path, f"the factory brought {item_id} back with another text"

    def check_finished(self, transition: Transition) -> Iterator[Violation]:
        """What is wrong with the files of finished items, which only their reopening may still change."""
        if not transition.moved:
            yield from transition.violations(self._edited(transition))

    def _edited(self, transition: Transition) -> Iterator[Found]:
        for item_id in transition.placed:
            record = transition.after[item_id]
            if record.finished and record.ended is not None and record.ended != record.place:
                text = f"{transition.step.author} changed {item_id} after it had been finished"
                yield Rule.PURE_RENAME, record.path, text

    def advance(self, transition: Transition) -> None:
        """Go on to a commit: what lies nowhere now, or twice, or among the finished ones without a word."""
        for item_id, changes in transition.placed.items():
            record, place = transition.after[item_id], (transition.step.commit, changes[-1].path)
            twice = record.is_double and not transition.by_factory
            gone = not record.places and not record.archived
            states = (self._gone, gone), (self._ended, record.lane is Lane.DONE), (self._twice, twice)
            for kept, holds in states:
                kept.pop(item_id, None)
                if holds:
                    kept[item_id] = place
        for item_id, record in transition.after.items():
            if record.finished:
                self._ended.pop(item_id, None)

    def gone(self) -> Iterator[Violation]:
        """The items that nobody brought back; what the factory never touched is its author's to take back."""
        for item_id, (commit, path) in self._gone.items():
            if self._state.record(item_id).journal:
                yield Violation(Rule.LOST, commit, path, f"{item_id} lies in no lane any more")

    def twice(self) -> Iterator[Violation]:
        """The items of which there still are two."""
        for item_id, (commit, path) in self._twice.items():
            yield Violation(Rule.ONE_LANE, commit, path, self._state.record(item_id).whereabouts)

    def ended(self) -> Iterator[Violation]:
        """The items that lie among the finished ones, and no pass has said so after all."""
        for item_id, (commit, path) in self._ended.items():
            told = self._state.record(item_id).history.lane or "nothing"
            text = f"{item_id} lies in done, and its journal says {told}; no pass has recorded why"
            yield Violation(Rule.JOURNAL, commit, path, text)
