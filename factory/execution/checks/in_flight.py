"""In flight: the checks of the merge train that are under way, for which those behind wait in place of running them."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from factory.execution.control import Control
from factory.model.evidence import CheckKey, ReusedRun

_LOOKED_AGAIN_S = 0.1
_MOST = 200  # items

Question = tuple[CheckKey, str]  # what decides how a check ends, and the fingerprint of the machine's folders


@dataclass(frozen=True)
class CheckResult:
    """How one command ended."""

    exit_code: int | None
    problem: str
    seconds: float
    log: bytes
    reused: bool = False
    read: str = ""  # what it read, as a key has it; empty: nobody else may reuse its result
    reused_from: ReusedRun | None = None  # the run whose result it is
    on: str = ""  # the content that it ran on, where that is another one with the same at what it reads
    missed: tuple[str, ...] = ()  # what it was seen to read and does not say

    @property
    def passed(self) -> bool:
        """Whether it ended well."""
        return self.exit_code == 0 and not self.problem


class InFlight:
    """The checks in flight of one item in its place in the merge train."""

    def __init__(self, run: int, own: Mapping[Question, CheckResult]) -> None:
        self.run = run
        self.own = dict(own)  # what was run for it, here or in an earlier place
        self._told = threading.Event()  # set once it is known what they are
        self._asked: dict[Question, threading.Event] = {}
        self._answers: dict[Question, CheckResult] = {}

    def begin(self, asked: Iterable[Question]) -> None:
        """Say what will be run, or reused."""
        for question in asked:
            self._asked.setdefault(question, threading.Event())
        self._told.set()

    def end(self, question: Question, result: CheckResult | None) -> None:
        """Say how it ended, if others may reuse that."""
        if result is not None:
            self._answers[question] = result
        self._asked.setdefault(question, threading.Event()).set()

    def end_all(self) -> None:
        """Whatever has not ended will not."""
        self._told.set()
        for event in [*self._asked.values()]:
            event.set()

    def asks(self, question: Question, control: Control) -> bool:
        """Whether this is, or was, to be run here."""
        return _waited(self._told, control) and question in self._asked

    def answer(self, question: Question, control: Control) -> CheckResult | None:
        """How it ended here, once it has."""
        return self._answers.get(question) if _waited(self._asked[question], control) else None


class SingleFlight:
    """Lets one item run a check, and others wait for that: what is in flight, by item. Threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_item: dict[str, InFlight] = {}

    def begin(self, item_id: str, run: int) -> InFlight:
        """Those of a run of an item in its present place; of an earlier one only its own runs count."""
        with self._lock:
            earlier = self._by_item.pop(item_id, None)
            own = earlier.own if earlier is not None and earlier.run == run else {}
            in_flight = self._by_item[item_id] = InFlight(run, own)
            if len(self._by_item) > _MOST:
                self._by_item.pop(next(iter(self._by_item))).end_all()
        return in_flight

    def forget(self, item_id: str) -> None:
        """What an item's checks came to is not committed where others have counted on it."""
        with self._lock:
            self._by_item.pop(item_id, None)

    def answer(self, ahead: Sequence[str], question: Question, control: Control) -> CheckResult | None:
        """How the first of those ahead that is asked the same ends it; None when that is not well, or none is."""
        for item_id in ahead:
            with self._lock:
                in_flight = self._by_item.get(item_id)
            if in_flight is not None and in_flight.asks(question, control):
                return in_flight.answer(question, control)
        return None


def _waited(event: threading.Event, control: Control) -> bool:
    while not control.system.pause(event, _LOOKED_AGAIN_S):
        control.alive()
        if control.stop.is_set():
            return False
    return True
