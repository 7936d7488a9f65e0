"""Scopes on the line: who waits because another one that is under way is about the same paths."""

from collections.abc import Callable, Iterable
from itertools import chain

from factory.line.snapshot import ItemState, Snapshot
from factory.model.lifecycle import Lane
from factory.model.scope import Overlap, ScopeIndex

_MOST_GUARDED = 20  # at the front of the line; those behind them come there


class ScopeTurns:
    """Whose scopes are taken, as a schedule goes through what waits.

    Under way is what is at work, in review or in rework. What only a person lets go on is not: what is blocked, and
    after its run what is on hold or, in rework, cannot start. What is in rework waits for those at work and in review
    alone, so that no two wait for one another.
    """

    def __init__(self, snapshot: Snapshot, resuming: Iterable[ItemState], came: Callable[[ItemState], float]) -> None:
        self._came = came  # when an item came into the queue
        self._states: dict[str, ItemState] = {}
        self._busy, self._resuming = ScopeIndex(), ScopeIndex()
        self._overtaken = ScopeIndex()  # of those whom nobody new goes ahead of any more
        self._guarded = 0
        self._started: set[str] = set()
        reviewed = (state for state in snapshot.in_lane(Lane.REVIEW) if state.item and not state.item.hold)
        self._take(self._busy, (*snapshot.at_work(), *reviewed))
        self._take(self._resuming, resuming)

    def held_back(self, state: ItemState) -> str:
        """For whom an item waits, and why; empty when it waits for nobody."""
        scope = state.item.scope if state.item else ()
        if state.lane is Lane.REWORK:
            return self._said(next(self._busy.overlaps(scope), None))
        under_way = chain(self._busy.overlaps(scope), self._resuming.overlaps(scope))
        found = next(under_way, None)
        if found is None:
            return self._said(next(self._overtaken.overlaps(scope), None))
        if self._guarded < _MOST_GUARDED and all(self._came_later(each, state) for each in chain((found,), under_way)):
            self._guarded += 1
            self._take(self._overtaken, (state,))
        return self._said(found)

    def _came_later(self, overlap: Overlap, state: ItemState) -> bool:
        return self._came(self._states[overlap.item_id]) > self._came(state)

    def note_start(self, state: ItemState) -> None:
        """Take note that an item is about to start."""
        self._started.add(state.id)
        self._take(self._busy, (state,))

    def _take(self, index: ScopeIndex, states: Iterable[ItemState]) -> None:
        for state in states:
            if state.item and state.item.scope:
                self._states[state.id] = state
                index.add(state.item.scope, state.id)

    def _said(self, overlap: Overlap | None) -> str:
        if overlap is None:
            return ""
        other = self._states[overlap.item_id]
        if other.id in self._started:
            where = "starts first"
        elif other.lane is Lane.INBOX:
            where = "has been overtaken once"
        else:
            where = f"is in {other.lane}"
        paths = "is the same" if overlap.own == overlap.other else f"overlaps {overlap.own}"
        return f"waits for {other.id}, which {where}: its scope {overlap.other} {paths}"
