"""The trigger: how an orchestrator in this process is asked for a pass, and how many it has made."""

import threading
from collections.abc import Callable


class Trigger:
    """Between the threads of a server and of an orchestrator; neither waits for the other."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._asked = threading.Event()
        self.passes = 0

    def pull(self) -> bool:
        """Ask for a pass; whether that was asked already, and has yet to begin."""
        coalesced = self._asked.is_set()
        self._asked.set()
        self._wake()
        return coalesced

    def passed(self) -> None:
        """A pass was made, or could not be."""
        self.passes += 1
        self._asked.clear()
