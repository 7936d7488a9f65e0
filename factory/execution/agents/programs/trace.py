"""The trace: what an agent did, line by line, in the same words whichever program it is."""

import json
from collections.abc import Iterator, Mapping
from typing import Literal

from factory.execution.agents.programs.heard import Heard
from factory.model.failure import Failure
from factory.model.moments import rfc3339
from factory.model.result import Usage
from factory.store.system import System

Kind = Literal["message", "tool", "usage", "retry", "denial", "error", "end"]
_MOST_BYTES = 256 * 1024


class Trace:
    """Notes what is new with each line that an agent prints. Its end is kept, however long it became."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._lines: list[bytes] = []
        self._room = _MOST_BYTES
        self._left_out = 0

    def note(self, before: Heard, after: Heard) -> None:
        """Take down in what one differs from the other."""
        for kind, told in _news(before, after):
            self._add(kind, told)

    def broke_off(self, failure: Failure) -> None:
        """Take down what kept it from saying how it ended."""
        self._add("error", _failed(failure))

    def _add(self, kind: Kind, told: Mapping[str, object]) -> None:
        last = kind in ("error", "end")
        left_out = {"left_out": self._left_out} if last and self._left_out else {}
        noted = {"at": rfc3339(self._system.now()), "kind": kind, **told, **left_out}
        line = json.dumps(noted, ensure_ascii=False).encode() + b"\n"
        if not last and len(line) > self._room:
            self._left_out += 1
            return
        self._room -= len(line)
        self._lines.append(line)

    def data(self) -> bytes:
        """The trace as a JSON object a line, not yet masked."""
        return b"".join(self._lines)


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
    return usage.model_dump(mode="json", exclude_none=True)


def _failed(failure: Failure) -> Mapping[str, object]:
    return {"class": str(failure.kind), "text": failure.reason}
