"""What a run's agent does or did, as lines for people: in the same words whichever program it is."""

import json
from collections.abc import Iterator

from factory.execution.agents.agent import COMMAND
from factory.execution.redaction.mask import Mask
from factory.line.dispatch.requests import request_for
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.text import cut, plain, printable

_LONGEST = 500  # characters
_AS_THEY_ARE = ("at", "kind", "text", "tool")


class Output:
    """What is told of a run that is under way, read on as it grows: the lines of a trace, or of a command's output."""

    def __init__(self, mask: Mask, *, is_trace: bool) -> None:
        self._mask = mask
        self._is_trace = is_trace
        self._begun = b""

    def more(self, output: bytes) -> Iterator[str]:
        """What is new in it; of a line without an end nothing is told yet."""
        *lines, self._begun = (self._begun + output).split(b"\n")
        for line in map(self._mask.hide, lines):
            yield from traced(line) if self._is_trace else (shown(line.decode(errors="replace")),)


def output_of(reader: SnapshotReader, snapshot: Snapshot, state: ItemState) -> Output:
    """What is told of the run that is under way for an active item with a contract, without what it keeps secret."""
    request = request_for(reader, snapshot, state, "", "")
    return Output(Mask.of_environment(request.secrets), is_trace=request.kind != COMMAND)


def shown(line: str) -> str:
    """A line that a program printed, as a terminal may show it."""
    return printable(plain(line).rstrip("\r"))


def traced(trace: bytes) -> Iterator[str]:
    """The lines of a trace; one that is none is shown as it is."""
    for line in trace.decode(errors="replace").splitlines():
        try:
            noted = json.loads(line)
        except (ValueError, RecursionError):
            noted = None
        yield _shown(noted) if isinstance(noted, dict) else printable(line)


def _shown(noted: dict[str, object]) -> str:
    more = ", ".join(f"{name} {value}" for name, value in noted.items() if name not in _AS_THEY_ARE)
    told = " ".join(str(noted.get("text") or noted.get("tool") or "").split())
    said = ": ".join(filter(None, (more, cut(told, _LONGEST))))
    return printable(f"{str(noted.get('at', ''))[11:19]}  {noted.get('kind', '')!s:8} {said}".rstrip())
