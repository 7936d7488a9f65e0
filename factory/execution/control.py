"""Control: how a run that is under way is followed and ended from outside, and how many do one kind of work at once."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

from factory.model.journal import MOST_PHASES, Phase
from factory.store.system import System

_LOOKED_AGAIN_S = 0.2


class Signal(Protocol):
    """Something that is awaited, and looked at now and then: a `threading.Event` is one."""

    def is_set(self) -> bool:
        """Whether it has come."""


class PhaseLog:
    """The first phases of one run that end, written down as they do; threads may share it."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._ended: list[Phase] = []

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Note when what happens meanwhile began, and how many seconds it took."""
        at, began = self._system.now(), self._system.monotonic()
        try:
            yield
        finally:
            if len(self._ended) < MOST_PHASES:
                self._ended.append(Phase(name=name, at=at, seconds=round(self._system.monotonic() - began, 3)))

    def ended(self) -> tuple[Phase, ...]:
        """The phases that are over, by their beginning."""
        return tuple(sorted(self._ended, key=lambda phase: phase.at))


@dataclass(frozen=True)
class Control:
    """Held by whoever started a run, and handed to all that happens in it."""

    stop: threading.Event = field(default_factory=threading.Event)  # set: end as soon as nothing is half done
    alive: Callable[[], None] = lambda: None  # called at every sign of life
    says: Callable[[str], None] = lambda _: None  # told what is being done now
    output: Callable[[bytes], None] = lambda _: None  # given what an agent does: its trace, or what a command prints
    phases: PhaseLog = field(kw_only=True)
    system: System = field(kw_only=True)

    def unheard(self) -> "Control":
        """The same for what is no agent's, or is told of by its trace: what is printed is handed to nobody."""
        return replace(self, output=lambda _: None)


def unfollowed(system: System) -> Control:
    """The control of what nobody follows, or ends before its time."""
    return Control(phases=PhaseLog(system), system=system)


class Slots:
    """So many of one kind of work at once on this machine, whoever asks for it: first come, first served."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._taken = 0
        self._line: list[object] = []  # who waits

    @contextmanager
    def one_of(self, most: int, control: Control) -> Iterator[None]:
        """Have a slot once fewer than so many are taken. What is asked to end gets one at once, to do so."""
        mine = object()

        def comes() -> bool:
            return control.stop.is_set() or (self._taken < most and self._line[0] is mine)

        with self._news:
            self._line.append(mine)
            if not comes():
                control.says("waiting for a slot")
            while not control.system.wait_for(self._news, comes, _LOOKED_AGAIN_S):
                control.alive()  # nobody rings when it is asked to end
            self._line.remove(mine)
            self._taken += 1
            self._news.notify_all()
        try:
            yield
        finally:
            with self._news:
                self._taken -= 1
                self._news.notify_all()
