"""Places in the merge train, and what checks came to there."""

from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple

from factory.execution.checks.evidence import Gathered
from factory.execution.control import Control
from factory.model.failure import Failure, of_error


class Place(NamedTuple):
    """A proposal in one place of the merge train. What it makes of the target follows from these."""

    item_id: str
    subject: str
    before: str  # the content of the target once all ahead of it have landed


@dataclass(frozen=True)
class Recheck:
    """The checks of a batch of the merge train, under way or ended, on what its last one makes of the target."""

    batch: tuple[Place, ...]
    future: "Future[tuple[Gathered, ...] | Failure]"
    control: Control
    since: float  # of the monotonic clock

    def found(self) -> tuple[Gathered, ...] | Failure:
        """What it came to, for each of the batch."""
        error = self.future.exception()
        return self.future.result() if error is None else of_error(error, "the checks could not be run")
