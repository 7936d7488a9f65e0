"""The lines of an app-server: its standard output, in pieces of any length, as the messages that stand in it."""

import json
from collections.abc import Callable, Iterator

from factory.execution.agents.programs.heard import Event

_LONGEST = 10_000_000  # bytes; a longer line says nothing


class Lines:
    """Cuts output into lines. One that is no JSON object, or too long, is counted and says nothing else."""

    def __init__(self, hide: Callable[[bytes], bytes] = bytes) -> None:
        self.malformed = 0
        self._hide = hide  # takes secrets out of a line before anything reads it
        self._begun = b""
        self._too_long = False

    def take(self, output: bytes) -> Iterator[Event]:
        """The messages that have come to their end; what is only begun waits for its end."""
        *lines, rest = output.split(b"\n")
        for line in lines:
            message = self._message(self._begun + line)
            self._begun = b""
            if message is not None:
                yield message
        self._begun += rest
        if len(self._begun) > _LONGEST:
            self._begun, self._too_long = b"", True

    def _message(self, line: bytes) -> Event | None:
        too_long, self._too_long = self._too_long or len(line) > _LONGEST, False
        if not line.strip() and not too_long:
            return None
        try:
            found = None if too_long else json.loads(self._hide(line))
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            return found
        self.malformed += 1
        return None
