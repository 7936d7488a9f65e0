"""Dates: whether the moves of a history go forward in time."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from factory.report.audit.rules import Rule, Violation
from factory.report.audit.transition import Transition
from factory.store.repository.commit_walk import CommitDiff

SKEW = timedelta(days=1)  # by which two machines' clocks may differ


class Dates:
    """Goes along the commits; of two moves that contradict each other, the one is named that the others do not bear."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._before: datetime | None = None  # the time of the move before the last; at first, of the first commit
        self._last: tuple[str, datetime] | None = None

    def begin(self, last: CommitDiff) -> None:
        """Begin after a commit."""
        self._before = last.at

    def check(self, transition: Transition) -> Iterator[Violation]:
        """What is wrong with the time of one more commit, or of the one before it."""
        if not transition.step.dated:
            yield Violation(Rule.DATES, transition.step.commit, "", "has a date that cannot be")
        elif transition.moved and (self._last is not None or self._before is not None):
            yield from self._compare(transition.step)

    def advance(self, transition: Transition) -> None:
        """Go on to a commit: when the last moves were made."""
        step = transition.step
        if not step.dated:
            return
        if not transition.moved:
            self._before = self._before or step.at
            return
        self._before = self._last[1] if self._last else self._before
        self._last = step.commit, step.authored

    def _compare(self, step: CommitDiff) -> Iterator[Violation]:
        commit, last = self._last or ("", self._before or step.authored)
        if step.authored >= last - SKEW:
            return
        odd = bool(commit) and self._before is not None and step.authored >= self._before - SKEW
        name, told, other = (commit, last, step.authored) if odd else (step.commit, step.authored, last)
        yield Violation(Rule.DATES, name, "", f"is dated {told:%Y-%m-%d}, and the move beside it {other:%Y-%m-%d}")

    def rest(self) -> Iterator[Violation]:
        """What is wrong with the date of the last move, which nothing follows."""
        if self._last is not None and self._last[1] > self._now() + SKEW:
            yield Violation(Rule.DATES, self._last[0], "", f"is dated {self._last[1]:%Y-%m-%d}, which is yet to come")
