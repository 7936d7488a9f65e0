"""The talk with an app-server's process: bytes to messages and back, on the clock."""

import json
from collections.abc import Callable, Iterable
from typing import NamedTuple

from factory import __version__
from factory.execution.agents.app_server.conversation import Conversation, begin, interrupt, steer, take
from factory.execution.agents.app_server.lines import Lines
from factory.execution.agents.app_server.requests import Settings
from factory.execution.agents.programs.heard import Event
from factory.execution.agents.programs.trace import Trace
from factory.execution.agents.programs.trouble import of_words, trouble
from factory.execution.control import Control
from factory.model.failure import Failure, FailureClass, of_exit_status
from factory.model.symphony import Codex
from factory.model.text import counted, last_line

_MOST_SAID = 20_000_000  # bytes; who asks for more does nothing else


class Beside(NamedTuple):
    """What a talk has to do with besides its process."""

    wrote: Callable[[], bool]  # whether the agent has left its result as a file
    hide: Callable[[bytes], bytes] = bytes  # takes secrets out of a line before anything reads it
    news: Callable[[], str] = str  # what the agent is to be told in the midst of a turn, if anything


class Talk:
    """A dialogue of a process, and a watcher of it that knows how long its answers and its turns may take."""

    def __init__(
        self,
        settings: Settings,
        patience: Codex,
        beside: Beside,
        control: Control,
        trace: Trace,
    ) -> None:
        self._settings = settings
        self._trace = trace
        self._patience = patience
        self._beside = beside
        self._control = control
        self._start()

    def _start(self) -> bytes:
        self._lines = Lines(self._beside.hide)
        self.state, said = begin(self._settings, __version__)
        self._since = self._turn_since = self._control.system.monotonic()
        self.lingered = False
        self._said = 0
        return _bytes(said)

    def opening(self) -> bytes:
        """Begin, or begin again with a process that is started anew."""
        return self._start()

    def answer(self, output: bytes) -> bytes | None:
        """Go on with what it has printed; None once nothing is left to be said."""
        said: list[Event] = []
        for message in self._lines.take(output):
            before = self.state
            self.state, more = take(before, message, wrote=self._beside.wrote())
            said += more
            self._follow(before, self.state)
        if self.state.listens and (news := self._beside.news()):
            said += steer(self.state, news)[1]
        told = _bytes(said)
        self._said += len(told)
        return None if self.state.over else told

    def _follow(self, before: Conversation, now: Conversation) -> None:
        """Tell what it does now as soon as it is something else, and look at the clock where a wait begins."""
        self._trace.note(before.heard, now.heard)
        if now.heard.step != before.heard.step:
            self._control.says(now.heard.step)
        if (now.asked, now.parting) != (before.asked, before.parting):
            self._since = self._control.system.monotonic()
        if now.turns != before.turns:
            self._turn_since = self._since

    def farewell(self) -> bytes:
        """What it is told when it is to be stopped."""
        return _bytes(interrupt(self.state)[1])

    def overdue(self) -> Failure | None:
        """Why it is to be stopped now: for an answer, a turn or an end that does not come."""
        now, state, patience = self._control.system.monotonic(), self.state, self._patience
        late = now - self._since > patience.read_timeout_s
        if state.parting:
            self.lingered = late
            return (
                Failure(FailureClass.TIMEOUT, "was stopped: it did not end when it had come to its end")
                if late
                else None
            )
        if self._said > _MOST_SAID:
            return Failure(FailureClass.CRASH, "was stopped: it asked for more than anybody answers")
        if state.awaits and late:
            waited = f"within {patience.read_timeout_s:g} s (codex.read_timeout_ms)"
            return Failure(FailureClass.TIMEOUT, f"was stopped: it did not answer {state.awaits} {waited}")
        if state.turns and now - self._turn_since > patience.turn_timeout_s:
            longest = f"{patience.turn_timeout_s:g} s (codex.turn_timeout_ms)"
            return Failure(FailureClass.TIMEOUT, f"was stopped: its turn took longer than {longest}")
        return None

    def failure(self, exit_code: int | None, errors: str) -> Failure | None:
        """What kept the agent from its end, once its process is gone; `errors` is what it printed besides."""
        heard = self.state.heard
        if heard.finished:
            return heard.failure
        ended = "was stopped" if exit_code is None else f"ended with exit status {exit_code}"
        if heard.trouble is not None:
            return Failure(heard.trouble.kind, f"{ended} in the midst of its work: {heard.trouble.reason}")
        malformed = self._lines.malformed
        rubbish = f"; {counted(malformed, 'line')} of its output can not be read" if malformed else ""
        words = last_line(errors)
        told = f"{ended}, and has not said that it is finished{f': {words}' if words else ''}{rubbish}"
        known = of_words(errors) if not heard.session else None
        return trouble(told, known, of_exit_status(exit_code) if exit_code else FailureClass.CRASH)


def _bytes(messages: Iterable[Event]) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)
