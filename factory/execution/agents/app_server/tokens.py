"""What threads have used, from the totals that a server tells of each: the differences are added, a total never."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from factory.execution.agents.programs.heard import Event, count, text
from factory.model.result import MOST_TOKENS, Usage
from factory.model.text import label

_MOST_THREADS = 100  # an agent may have helpers, each with a thread of its own

_Total = tuple[int, int]  # input, output


@dataclass(frozen=True)
class Tokens:
    """What has been counted so far."""

    resumed: str = ""  # a thread that was there before, and what it used then is not counted
    totals: Mapping[str, _Total] = field(default_factory=dict)  # the last that was told, by thread
    usage: Usage = field(default_factory=Usage)

    def told(self, event: Event, turn: str) -> "Tokens":
        """With what a server tells of a thread now, while a turn of ours is under way or none is."""
        thread, now = label(text(event, "threadId")), _total(event, "total")
        before = self.totals.get(thread)
        if before is None and len(self.totals) >= _MOST_THREADS:
            return self
        if before is None and thread == self.resumed:
            last = _total(event, "last") if turn and label(text(event, "turnId")) == turn else (0, 0)
            before = (max(0, now[0] - last[0]), max(0, now[1] - last[1]))
        more = [max(0, new - old) for new, old in zip(now, before or (0, 0), strict=True)]
        usage = Usage.model_construct(
            input_tokens=min(self.usage.input_tokens + more[0], MOST_TOKENS),
            output_tokens=min(self.usage.output_tokens + more[1], MOST_TOKENS),
        )
        return replace(self, totals={**self.totals, thread: now}, usage=usage)


def _total(event: Event, which: str) -> _Total:
    """Input and output, as the server spells them now or did earlier."""
    place = ("tokenUsage", which)
    read = count(event, *place, "inputTokens") or count(event, *place, "input_tokens")
    written = count(event, *place, "outputTokens") or count(event, *place, "output_tokens")
    return read, written
