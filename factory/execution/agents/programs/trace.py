"""The trace: what an agent did, line by line, in the same words whichever program it is."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from factory.execution.agents.programs.heard import Heard
from factory.model.failure import Failure
from factory.model.moments import rfc3339
from factory.model.result import Usage
from factory.store.system import System

Kind = Literal["message", "tool", "usage", "retry", "denial", "error", "end"]
_MOST_BYTES = 256 * 1024
_MOST_OF_ENDS = 16 * 1024  # of these, what tells of errors and of the end has room of its own


class Trace:
    """Notes what is new with each line that an agent prints; `live` is given each line as it comes.

    How it ended is kept, however long it became.
    """

    def __init__(self, system: System, live: Callable[[bytes], None] = lambda _: None) -> None:
        self._system = system
        self._live = live
        self._lines: list[bytes] = []
        self._room = {False: _MOST_BYTES, True: _MOST_OF_ENDS}
        self._left_out = 0
        self._final = b""  # the newest that tells of an end, where there was no room for it

    def note(self, before: Heard, after: Heard) -> None:
        """Take down in what one differs from the other."""
        for kind, told in _news(before, after):
            self._add(kind, told)

    def broke_off(self, failure: Failure) -> None:
        """Take down what kept it from saying how it ended."""
        self._add("error", _failed(failure))

    def _add(self, kind: Kind, told: Mapping[str, object]) -> None:
        ends = kind in ("error", "end")
        left_out = {"left_out": self._left_out} if ends and self._left_out else {}
        noted = {"at": rfc3339(self._system.now()), "kind": kind, **told, **left_out}
        line = json.dumps(noted, ensure_ascii=False).encode() + b"\n"
        if len(line) > self._room[ends]:
            self._left_out += 1
            self._final = line if ends else self._final
            return
        self._room[ends] -= len(line)
        self._lines.append(line)
        self._live(line)

    def data(self) -> bytes:
        """The trace as a JSON object a line, not yet masked."""
        return b"".join((*self._lines, self._final))


def _news(before: Heard, after: Heard) -> Iterator[tuple[Kind, Mapping[str, object]]]:
    if after.message != before.message:
        yield "message", {"text": after.message}
    if after.steps != before.steps:
        yield "tool", {"tool": after.step}
    for tool in after.denials[len(before.denials) :]:
        yield "denial", {"tool": tool}
    if after.retries != before.retries:
        yield "retry", {"text": after.trouble.reason if after.trouble else ""}
    if after.usage != before.usage:
        yield "usage", _counted(after.usage)
    if after.failure is not None and after.failure != before.failure:
        yield "error", _failed(after.failure)
    if after.finished and not before.finished:
        yield "end", {"session": after.session}


def _counted(usage: Usage) -> Mapping[str, object]:
    return usage.model_dump(mode="json", exclude_defaults=True)


def _failed(failure: Failure) -> Mapping[str, object]:
    return {"class": str(failure.kind), "text": failure.reason}
