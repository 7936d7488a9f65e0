"""Interrupts: ^C and SIGTERM are noted, and acted on where nothing is half done."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Whether somebody asked this process to end."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._asked = False

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note the first signal instead of dying of it; the second one kills."""
        before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._asked = True
        signal.signal(number, signal.SIG_DFL)
        self._wake()

    def check(self) -> None:
        """Raises KeyboardInterrupt when the process was asked to end."""
        if self._asked:
            raise KeyboardInterrupt
