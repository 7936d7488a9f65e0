"""Grouping: which items, runs and verdicts are counted together."""

from enum import StrEnum
from typing import NamedTuple

from factory.report.fold.facts import ItemFacts, SeatFact
from factory.report.fold.fold import Fold

NONE = "(none)"  # the group of what has no such thing


class By(StrEnum):
    """What groups are made by."""

    CONTRACT = "contract"
    WORKER = "worker"
    MODEL = "model"
    ROLE = "role"
    SEAT = "seat"
    LABEL = "label"
    MISSION = "mission"


class Grouping(NamedTuple):
    """Says to which groups something belongs; without `by` all is in one."""

    fold: Fold
    by: By | None = None

    def of_item(self, item: ItemFacts) -> tuple[str, ...]:
        """An item counts in each group that it is in: in that of each of its labels, or of whoever worked on it."""
        match self.by:
            case By.WORKER:
                return tuple(dict.fromkeys(run.worker or NONE for run in item.runs)) or (NONE,)
            case By.MODEL:
                return tuple(dict.fromkeys(run.model or NONE for run in item.runs)) or (NONE,)
            case By.SEAT:
                return ()
            case _:
                return self._always(item)

    def of_run(self, item: ItemFacts, number: int) -> tuple[str, ...]:
        """A run counts where its worker or its model does, and else where its item does."""
        run = next((run for run in item.runs if run.number == number), None)
        if self.by is By.WORKER:
            return (run.worker or NONE if run else NONE,)
        if self.by is By.MODEL:
            return (run.model or NONE if run else NONE,)
        return () if self.by is By.SEAT else self._always(item)

    def of_seat(self, item: ItemFacts, seat: SeatFact) -> tuple[str, ...]:
        """A verdict counts in its seat, and else where the run does that it judges."""
        return (seat.seat or NONE,) if self.by is By.SEAT else self.of_run(item, seat.run)

    def _always(self, item: ItemFacts) -> tuple[str, ...]:
        match self.by:
            case By.CONTRACT:
                return (self.fold.contract_of(item) or NONE,)
            case By.ROLE:
                return (str(self.fold.role_of(item)),)
            case By.LABEL:
                return tuple(dict.fromkeys(item.labels)) or (NONE,)
            case By.MISSION:
                return (item.mission or (NONE if item.opened is None else item.id),)  # itself is a part of it
            case _:
                return ("",)
