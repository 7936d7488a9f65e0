"""Interrupts: ^C and SIGTERM ask whoever is at work to stop, which they do where nothing is half done."""

import signal
import threading
from collections.abc import Callable, Iterator
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
    with asking(orchestrator.stop), orchestrator.holding():
        yield


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """What the first signal sets, for whoever ends then with StopRequested; the second one kills.

    Raises KeyboardInterrupt in its place.
    """
    stop = threading.Event()
    with asking(stop.set):
        yield stop


@contextmanager
def asking(stop: Callable[[], None], at_once: Callable[[], None] | None = None) -> Iterator[None]:
    """Call this at the first signal; the second one kills, after what is to be done then at once."""

    def ask(number: int, _frame: FrameType | None) -> None:
        for each in _SIGNALS if at_once is not None else (number,):
            signal.signal(each, signal.SIG_DFL if at_once is None else end)
        stop()

    def end(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        if at_once is not None:
            at_once()
        signal.raise_signal(number)

    before = {number: signal.signal(number, ask) for number in _SIGNALS}
    try:
        yield
    except StopRequested:
        raise KeyboardInterrupt from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
