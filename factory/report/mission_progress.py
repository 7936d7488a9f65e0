"""Progress: how far missions under way are, what they have used, and what is done for them now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from factory.line.mission.standing import present_standing
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.item import Budget
from factory.model.lifecycle import Lane, Outcome
from factory.model.mission.assertions import AssertionState
from factory.model.mission.standing import Standing
from factory.report.status_row import Row
from factory.store.mission_parts import Spent, parts_of

UNDER_WAY = "under-way"  # the state of a mission that is carried out: nobody has to work on it itself
_MOST_NAMED = 3
_TOLD = (AssertionState.FAILED, AssertionState.BLOCKED, AssertionState.STALE)  # besides those that passed


@dataclass(frozen=True)
class Progress:
    """How far a mission is, and what it has used."""

    states: Mapping[AssertionState, int]  # how many assertions are in each
    milestone: int  # the number of the one whose turn it is; of the last one when all are over
    milestones: int
    title: str  # of that milestone
    spent: Spent  # by the mission's own runs and by those of all its items
    budget: Budget

    @classmethod
    def of(cls, standing: Standing, spent: Spent, outcome: Outcome | None = None) -> "Progress":
        """Of a mission that stands so, and has cost this. One that closed has had all of its milestones."""
        milestones = standing.plan.milestones
        current = (None if outcome is Outcome.APPLIED else standing.milestone) or milestones[-1]
        number, budget = milestones.index(current) + 1, standing.plan.budget
        return cls(standing.counts(), number, len(milestones), current.title, spent, budget)

    @property
    def passed(self) -> int:
        """How many assertions have passed, and are fresh."""
        return self.states[AssertionState.PASSED]

    @property
    def assertions(self) -> int:
        """How many there are."""
        return sum(self.states.values())

    def in_words(self) -> str:
        """In half a line."""
        used = self.spent.in_words(self.budget)
        others = ", ".join(f"{self.states[state]} {state}" for state in _TOLD if self.states[state])
        said = [
            f"{self.passed} of {self.assertions} assertions passed" + (f" ({others})" if others else ""),
            f"milestone {self.milestone} of {self.milestones}",
            *([used] if used else []),
        ]
        return ", ".join(said)

    def as_json(self) -> dict[str, object]:
        """The progress for programs."""
        return {
            "passed": self.passed,
            "assertions": self.assertions,
            "states": {str(state): count for state, count in self.states.items()},
            "milestone": self.milestone,
            "milestones": self.milestones,
            "milestone_title": self.title,
            "usage": self.spent.usage.model_dump(mode="json"),
            "seconds": round(self.spent.seconds, 3),
            "budget": self.budget.model_dump(mode="json"),
        }


def with_missions(reader: SnapshotReader, snapshot: Snapshot, rows: Sequence[Row]) -> list[Row]:
    """The rows of a queue, those of missions under way with how far these are and what is done for them."""
    if not snapshot.missions:
        return [*rows]
    of_mission: dict[str, list[Row]] = {}
    for row in rows:
        state = snapshot.items.get(row.id)
        if state is not None and state.item is not None and state.item.mission in snapshot.missions:
            of_mission.setdefault(state.item.mission or "", []).append(row)
    return [
        _told(reader, snapshot, row, of_mission.get(row.id) or []) if row.id in snapshot.missions else row
        for row in rows
    ]


def progress_of(reader: SnapshotReader, snapshot: Snapshot, state: ItemState) -> Progress | None:
    """How far a mission under way is; None where its plan, or the target, cannot be read."""
    standing = present_standing(reader, snapshot, state.id)
    if standing is None:
        return None
    parts = parts_of(reader.artifacts, snapshot.tree, state.history).values()
    return Progress.of(standing, Spent.of([state.history, *(part.history for part in parts)]))


def _told(reader: SnapshotReader, snapshot: Snapshot, row: Row, items: Iterable[Row]) -> Row:
    progress = progress_of(reader, snapshot, snapshot.items[row.id])
    if progress is None:
        return row
    by_lane: dict[Lane, list[Row]] = {}
    for each in items:
        by_lane.setdefault(each.lane, []).append(each)
    far, active = progress.in_words(), row.lane is Lane.ACTIVE
    note = f"{far}; {_doing(by_lane)}" if active else f"{row.note}; {far}"  # first what a person has to do
    return replace(row, note=note, progress=progress.as_json())


def _doing(items: Mapping[Lane, Sequence[Row]]) -> str:
    """What is done for a mission now, or what waits for whom."""
    active = items.get(Lane.ACTIVE, ())
    said = [f"{row.id} is {row.state}" + (f" ({row.note})" if row.note else "") for row in active[:_MOST_NAMED]]
    said += [f"and {len(active) - _MOST_NAMED} more"] if len(active) > _MOST_NAMED else []
    for lane, word in ((Lane.BLOCKED, "blocked"), (Lane.REVIEW, "in review")):
        names = [row.id for row in items.get(lane, ())]
        more = " …" if len(names) > _MOST_NAMED else ""
        said += [f"{word}: {', '.join(names[:_MOST_NAMED])}{more}"] if names else []
    waiting = [row for lane in (Lane.REWORK, Lane.INBOX) for row in items.get(lane, ())]
    if not said and waiting:
        return f"next: {waiting[0].id}, {waiting[0].note}"
    return "; ".join(said) or "goes on with the next tick"
