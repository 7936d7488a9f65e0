"""Control: how a run that is under way is followed, and ended, from outside."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from factory.model.phase import Phase


class PhaseLog:
    """The phases of one run, written down as they end; threads may share it."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._ended: list[Phase] = []

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Note when what happens meanwhile began, and how many seconds it took."""
        at, began = self._clock(), time.monotonic()
        try:
            yield
        finally:
            self._ended.append(Phase(name=name, at=at, seconds=round(time.monotonic() - began, 3)))

    def ended(self) -> tuple[Phase, ...]:
        """Every phase that is over, by its beginning."""
        return tuple(sorted(self._ended, key=lambda phase: phase.at))


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Control:
    """Held by whoever started a run, and handed to all that happens in it."""

    stop: threading.Event = field(default_factory=threading.Event)  # set: end as soon as nothing is half done
    alive: Callable[[], None] = lambda: None  # called at every sign of life
    says: Callable[[str], None] = lambda _: None  # told what is being done now
    output: Callable[[bytes], None] = lambda _: None  # given what an agent prints, as it comes
    phases: PhaseLog = field(default_factory=lambda: PhaseLog(_utc_now))
