"""Writers: how many of a mission's features are worked on at once, and whose mission does not go on at all."""

from collections.abc import Callable

from factory.line.snapshot import ItemState, Snapshot
from factory.model.lifecycle import Lane, Outcome
from factory.model.scope import ScopeIndex


class MissionTurns:
    """Whose mission lets them start, as a schedule goes through what waits."""

    def __init__(self, snapshot: Snapshot, outcome_of: Callable[[str], Outcome | None]) -> None:
        self._snapshot = snapshot
        self._outcome_of = outcome_of
        self._writing: dict[str, list[ItemState]] = {}
        for state in snapshot.at_work():
            self.note_start(state)

    def note_start(self, state: ItemState) -> None:
        """Take note that an item is about to start."""
        if state.item and state.item.mission and not state.item.validates:
            self._writing.setdefault(state.item.mission, []).append(state)

    def held_back(self, state: ItemState) -> str:
        """Why an item waits for its mission, or for another one of it; empty when it does not."""
        name = state.item.mission if state.item else None
        if name is None:
            return ""
        mission = self._snapshot.items.get(name)
        if state.item and state.item.validates and self._outcome_of(name) is Outcome.APPLIED:
            return ""  # another look at what is guarded
        if mission is None or not mission.history.mission.under_way:
            return f"waits for the mission {name}, which is not under way"
        if mission.lane is not Lane.ACTIVE:
            return f"waits for the mission {name}, which is paused in {mission.lane}"
        above = self._snapshot.items.get((mission.item.mission if mission.item else None) or "")
        if above is not None and above.lane is not Lane.ACTIVE:
            return f"waits for the mission {above.id}, which is paused in {above.lane}"
        files = self._snapshot.missions.get(name)
        if files is None:
            return f"waits for the mission {name}, whose plan cannot be read; factory check"
        if state.item is None or state.item.validates:
            return ""  # it only reads
        writing = self._writing.get(name, [])
        if len(writing) >= files.plan.writers:
            most = f"its plan has {files.plan.writers} at once"
            return f"waits for {', '.join(each.id for each in writing)}, which is at work for {name}: {most}"
        return next((said for each in writing if (said := _overlap(state, each))), "")


def _overlap(state: ItemState, other: ItemState) -> str:
    """Why two features cannot be worked on at once: nobody knows that what they change lies apart."""
    own, theirs = (each.item.scope if each.item else () for each in (state, other))
    if not own or not theirs:
        return f"waits for {other.id}, which is at work: {state.id if not own else other.id} names no scope"
    index = ScopeIndex()
    index.add(theirs, other.id)
    found = next(index.overlaps(own), None)
    return f"waits for {other.id}, which is at work: its scope {found.other} overlaps {found.own}" if found else ""
