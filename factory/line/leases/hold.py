"""A hold: how long a run may go on by the clock of its own clone, whatever the remote and the time of day are."""

import threading

from factory.model.lease import RENEWED, STOPPED
from factory.store.system import System


class Hold(threading.Event):
    """What asks a run to end: whoever sets it, or the clock, once its clone can no longer be sure of its claim.

    The clock is the monotonic one, since the last claim or renewal that the remote took was made. It is looked at by
    whoever looks at the event, as what is at work does all the time: so a run also ends in time where a pass hangs at a
    remote that does not answer.
    """

    def __init__(self, system: System, since: float | None = None) -> None:
        super().__init__()
        self._system = system
        self._since = since  # None: its claim need not be renewed
        self.ran_out = False

    def renewed(self, since: float) -> None:
        """A renewal that was made then was taken; what has ended by now stays so."""
        if self._since is not None:
            self._since = since

    @property
    def due_in_s(self) -> float | None:
        """Seconds until it should be renewed; None where it need not be, or is to end."""
        if self._since is None or self.is_set():
            return None
        return max(0.0, RENEWED.total_seconds() - self._age_s)

    def is_set(self) -> bool:
        """Whether it is to end."""
        if not super().is_set() and self._since is not None and self._age_s >= STOPPED.total_seconds():
            self.ran_out = True
            self.set()
        return super().is_set()

    @property
    def _age_s(self) -> float:
        return self._system.monotonic() - (self._since or 0.0)
