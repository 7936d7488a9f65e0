"""The stream of an agent, as it comes: cut into lines, parsed, and what is heard in it so far."""

import json
from collections.abc import Callable
from dataclasses import replace

from factory.execution.agents.programs.heard import Heard, Parser
from factory.execution.agents.programs.trouble import of_words, trouble
from factory.model.failure import Failure, FailureClass, of_exit_status
from factory.model.text import last_line

_LONGEST_LINE = 10_000_000  # bytes; a longer one says nothing
_TAIL = 4_000  # characters of what is no event, that are kept


class Stream:
    """Reads one agent's output, in pieces of any length. Nothing in it is an error of the reader's."""

    def __init__(
        self,
        parser: Parser,
        news: Callable[[Heard, Heard], None] = lambda _before, _after: None,
        hide: Callable[[bytes], bytes] = bytes,
    ) -> None:
        self.heard = Heard()
        self._parser = parser
        self._hide = hide  # takes secrets out of a line before anything reads it
        self._news = news  # told what was heard before a line, and what is now
        self._begun = b""
        self._too_long = False
        self._tail = ""  # what it printed besides its events

    def take(self, output: bytes) -> None:
        """Read on."""
        *lines, rest = output.split(b"\n")
        for line in lines:
            self._line(self._begun + line)
            self._begun = b""
        self._begun += rest
        if len(self._begun) > _LONGEST_LINE:
            self._begun, self._too_long = b"", True

    def _line(self, line: bytes) -> None:
        if self._too_long:  # this is how it ends
            self._too_long = False
            return
        line = self._hide(line)
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if isinstance(event, dict):
            before, heard = self.heard, self._parser(self.heard, event)
            self.heard = replace(heard, usage=heard.usage.at_least(before.usage))  # what was used cannot be less later
            self._news(before, self.heard)
        else:
            self._tail = f"{self._tail}{line.decode(errors='replace')}\n"[-_TAIL:]

    def failure(self, exit_code: int | None) -> Failure | None:
        """What kept the agent from its end, once its process has ended by itself; None when it came to it.

        An exit status proves nothing: who has not said that it is finished is not.
        """
        if self._begun:
            self._line(self._begun)
            self._begun = b""
        heard = self.heard
        if heard.finished:
            return heard.failure
        ended = "was stopped" if exit_code is None else f"ended with exit status {exit_code}"
        if heard.trouble is not None:
            return Failure(heard.trouble.kind, f"{ended}, and has not said that it is finished: {heard.trouble.reason}")
        if heard.denials:
            return Failure(FailureClass.CONFIG, f"{ended} where it was not allowed to use {', '.join(heard.denials)}")
        known = of_words(self._tail) if not heard.session else None
        words = last_line(self._tail)
        said = f"{ended}, and has not said that it is finished{f': {words}' if words else ''}"
        return trouble(said, known, of_exit_status(exit_code) if exit_code else FailureClass.CRASH)
