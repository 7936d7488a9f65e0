"""Interrupts: ^C and SIGTERM ask the orchestrator to stop, which it does where nothing is half done."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from factory.line.orchestrator import Orchestrator
from factory.model.errors import StopRequested

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def holding(orchestrator: Orchestrator) -> Iterator[None]:
    """Hold the factory's lock; the first signal asks the orchestrator to stop, the second one kills.

    Raises KeyboardInterrupt when it was asked to.
    """

    def ask(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        orchestrator.stop()

    before = {number: signal.signal(number, ask) for number in _SIGNALS}
    try:
        with orchestrator.holding():
            yield
    except StopRequested:
        raise KeyboardInterrupt from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
