"""The wake-up of the orchestrator, from any thread and from within a signal handler."""

from queue import SimpleQueue

from factory.store.system import System


class Wakeup:
    """Called by whoever has news. No call is lost: one that comes while nobody waits ends the next wait at once."""

    def __init__(self, system: System) -> None:
        self._system = system
        # An Event's lock may be held by the very thread that a signal interrupts; this queue may be put to even then.
        self._calls: SimpleQueue[None] = SimpleQueue()

    def wake(self) -> None:
        """End the present wait, or the next one."""
        self._calls.put(None)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for news; False when there was none in time."""
        if not self._system.wait(self._calls, seconds):
            return False
        while not self._calls.empty():  # only this thread takes from it
            self._calls.get()
        return True
