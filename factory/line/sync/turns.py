"""Turns: of clones that all push at once, each does for a while, then lets others; who waits longest comes soonest."""

from factory.store.system import System

_PATIENCE_S = 120.0  # of refusals in a row
_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 3.0  # doubled with each refusal, and drawn by chance up to that
_AGEING_S = 10.0  # after so long the longest pause is half as long, after twice that a third
# Whoever has just pushed knows the newest commit, so that those who ask for it come too late if the next push is soon.
_SOON_S, _TURN_S, _REST_S = 0.3, 2.0, 1.0
_MEMORY_S = 60.0  # after the last sign of another clone there is none to wait for


class Turns:
    """When this clone may push, and how long it waits."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._others: float | None = None  # when another clone's push was last seen
        self._began: float | None = None  # when the first was accepted of pushes that follow one another soon
        self._last = 0.0  # when the last one was
        self._waits: float | None = None  # since when it is refused
        self._refusals = 0

    def others(self) -> None:
        """Another clone has pushed."""
        self._others = self._system.monotonic()

    def accepted(self) -> None:
        """A push of this clone was accepted."""
        self._waits, self._refusals = None, 0
        self._last = self._system.monotonic()
        if self._began is None:
            self._began = self._last

    def refused(self) -> bool:
        """Another clone was faster: wait for a moment before the next try; False when it has been so for too long."""
        self.others()
        now = self._system.monotonic()
        if self._waits is None:
            self._waits = now
        self._began, waited = None, now - self._waits
        if waited >= _PATIENCE_S:
            return False
        longest = min(_PAUSE_S * 2**self._refusals, _LONGEST_PAUSE_S * _AGEING_S / (_AGEING_S + waited))
        self._refusals += 1
        self._system.sleep(self._system.chance() * longest)
        return True

    def rest(self) -> None:
        """Before a pass: let other clones push, where there are some and this one has pushed for long enough."""
        now = self._system.monotonic()
        if self._began is None or now - self._last > _SOON_S:  # they could in this very moment
            self._began = None
        elif self._others is not None and now - self._others < _MEMORY_S and now - self._began > _TURN_S:
            self._began = None
            self._system.sleep(_REST_S)
