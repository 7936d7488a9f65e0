"""Reviewers: how long people take for their verdicts, and who takes longer than they nearly always did. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from factory.line.review.votes import reviewers_of
from factory.line.snapshot import ItemState
from factory.model.journal import Entry, History
from factory.model.lifecycle import Event, Lane
from factory.model.policy import Policy
from factory.report.marks.mark import Mark, MarkKind
from factory.report.percentiles import percentile

LEAST_ANSWERS = 5  # fewer say nothing of how long somebody takes
_OF_VERDICTS = frozenset({Event.REWORK, Event.FINISH, Event.REJECT, Event.BLOCK, Event.OPEN})
_NEARLY_ALL = 95  # of a hundred
_SOON = timedelta(minutes=15)  # nobody is silent yet, however quick they were before


@dataclass(frozen=True)
class Answer:
    """One verdict that a person has given."""

    seat: str
    reviewer: str
    took: timedelta  # from the delivery to the move that followed from the verdict


@dataclass(frozen=True)
class Habit:
    """Within which time nearly all answers came, and of how many that is known."""

    p95: timedelta
    n: int


def answers_in(history: History) -> Iterator[Answer]:
    """The verdicts that people have given on an item. What machines say comes with its delivery, and is none."""
    delivery: Entry | None = None
    for entry in history.entries:
        if entry.event is Event.DELIVER:
            delivery = entry
        elif delivery is not None and entry.source is Lane.REVIEW:
            machines = {verdict.seat for verdict in delivery.verdicts}
            people = [verdict for verdict in entry.verdicts if verdict.seat not in machines]
            took = max(entry.at - delivery.at, timedelta())
            yield from (Answer(each.seat, each.reviewer, took) for each in people if entry.event in _OF_VERDICTS)
            delivery = None


def habit_of(answers: Sequence[Answer], seat: str, listed: Iterable[str]) -> Habit | None:
    """How long a verdict takes that is awaited in a seat; None where too little is known.

    Where people are listed who alone may give it, what counts is how long they take in any seat; else, how long
    anybody does in seats of this name.
    """
    names = tuple(listed)
    counted = [each.took for each in answers if (_is_by(each, names) if names else each.seat == seat)]
    if len(counted) < LEAST_ANSWERS:
        return None
    return Habit(percentile(sorted(counted), _NEARLY_ALL), len(counted))


def _is_by(answer: Answer, names: Iterable[str]) -> bool:
    """Whether one of these gave it, each a name, an address or both, as git has them."""
    said = answer.reviewer.casefold()
    said = said.partition(" (by ")[2].removesuffix(")") or said  # who brought it counts, not who it says it is of
    name, _, address = said.removesuffix(">").partition(" <")
    return any(each.casefold() in (said, name, address) for each in names)


@dataclass(frozen=True)
class Awaited:
    """A verdict that somebody has to give."""

    item_id: str
    seat: str
    habit: Habit
    due: datetime  # when it would nearly always have come

    def mark(self) -> Mark:
        """The mark of an item whose verdict is overdue."""
        usual = f"95 % of {self.habit.n} earlier answers came within {in_hours(self.habit.p95)}"
        reason = f"nobody has given the verdict of the seat {self.seat}, although {usual}"
        return Mark(MarkKind.REVIEWER, reason, f"factory review {self.item_id}")


def awaited(state: ItemState, seats: Iterable[str], policy: Policy, answers: Sequence[Answer]) -> Iterator[Awaited]:
    """The verdicts of people that an item in review waits for, as far as it is known how long these take."""
    since = state.history.since
    for seat in seats if since is not None else ():
        habit = habit_of(answers, seat, reviewers_of(seat, state.contract, policy).listed)
        if habit is not None and since is not None:
            yield Awaited(state.id, seat, habit, since + max(habit.p95, _SOON))


def in_hours(time: timedelta) -> str:
    """A time as people say it, in the largest unit of which there is more than one."""
    seconds = time.total_seconds()
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} seconds"
