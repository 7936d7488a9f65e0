"""What threads have used, from the totals that a server tells of each: the differences are added, a total never."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from factory.execution.agents.programs.heard import Event, count, text
from factory.model.result import MOST_TOKENS, Usage
from factory.model.text import label

_MOST_THREADS = 100  # an agent may have helpers, each with a thread of its own

_Total = tuple[int, int, int, int]  # input, output, and of the input what a cache gave, and what it took
_NONE = (0, 0, 0, 0)


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
            last = _total(event, "last") if turn and label(text(event, "turnId")) == turn else _NONE
            before = _beyond(now, last)
        read, written, cached, kept = _beyond(now, before or _NONE)
        usage = Usage.model_construct(
            input_tokens=min(self.usage.input_tokens + read, MOST_TOKENS),
            output_tokens=min(self.usage.output_tokens + written, MOST_TOKENS),
            cached_input_tokens=min(self.usage.cached_input_tokens + cached, MOST_TOKENS),
            cache_write_tokens=min(self.usage.cache_write_tokens + kept, MOST_TOKENS),
        )
        return replace(self, totals={**self.totals, thread: now}, usage=usage)


def _beyond(now: _Total, before: _Total) -> _Total:
    """What came to a total."""
    read, written, cached, kept = (max(0, new - old) for new, old in zip(now, before, strict=True))
    return read, written, cached, kept


def _total(event: Event, which: str) -> _Total:
    """A total, as the server spells it now or did earlier."""
    place = ("tokenUsage", which)
    read = count(event, *place, "inputTokens") or count(event, *place, "input_tokens")
    written = count(event, *place, "outputTokens") or count(event, *place, "output_tokens")
    cached = count(event, *place, "cachedInputTokens") or count(event, *place, "cached_input_tokens")
    kept = count(event, *place, "cacheWriteInputTokens")
    return read, written, cached, kept
