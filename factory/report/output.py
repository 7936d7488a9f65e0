"""What a run's agent does or did, as lines for people: in the same words whichever program it is."""

import json
from collections.abc import Iterator

from factory.execution.agents.kinds import PROGRAMS
from factory.execution.agents.programs.stream import Stream
from factory.execution.agents.programs.trace import Trace
from factory.execution.redaction.mask import Mask
from factory.model.text import cut, printable
from factory.store.system import System

_LONGEST = 500  # characters
_AS_THEY_ARE = ("at", "kind", "text", "tool")


class Output:
    """The output of a run that is under way, read on as it grows."""

    def __init__(self, kind: str, mask: Mask, system: System) -> None:
        self._trace = Trace(system)
        program = PROGRAMS.get(kind)
        self._stream = Stream(program.parser, self._trace.note) if program else None
        self._mask = mask
        self._shown = 0
        self._begun = b""

    def more(self, output: bytes) -> Iterator[str]:
        """What is new in it; of a line without an end nothing is told yet."""
        if self._stream is None:
            *lines, self._begun = (self._begun + output).split(b"\n")
            yield from (printable(self._mask.hide(line).decode(errors="replace")) for line in lines)
            return
        self._stream.take(output)
        told = self._trace.data()
        new, self._shown = told[self._shown :], len(told)
        yield from traced(self._mask.hide(new))


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
