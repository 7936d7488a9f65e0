"""Costs: of which runs nobody knows what they cost, and how a cost is told. Pure."""

from collections.abc import Container, Iterable

from factory.model.failure import FailureClass
from factory.model.journal import Entry, History
from factory.model.lifecycle import Event, Lane
from factory.model.text import counted


def unpriced(entries: Iterable[Entry], agents: Container[str]) -> list[Entry]:
    """The ends of runs by these agents of which nobody knows, or only in part, what they cost.

    What an account refused to begin with (a limit, a key, a model) has cost nothing, and what was stopped what it told.
    """
    found: list[Entry] = []
    worker = ""
    for entry in entries:
        if entry.event is Event.START:
            worker = entry.worker or ""
        elif entry.source is Lane.ACTIVE and entry.seconds is not None and worker in agents:
            if _refused(entry) or _stopped(entry):
                continue
            usage = entry.usage
            found += [entry] if usage is None or usage.usd is None or usage.incomplete else []
    return found


def _refused(entry: Entry) -> bool:
    """Whether it was not even begun: nothing was used, and an account refused it."""
    refused = entry.failure is not None and (entry.failure.is_wall or entry.failure is FailureClass.RATE_LIMIT)
    return refused and (entry.usage is None or entry.usage.tokens == 0)


def _stopped(entry: Entry) -> bool:
    """Whether it was stopped from outside: what it has cost is what it had told by then."""
    return entry.event is Event.RELEASE and entry.failure is None


def cost_in_words(history: History, agents: Container[str]) -> str:
    """What an item has cost, as far as anybody said; unknown is not free."""
    usage, runs = history.usage, unpriced(history.entries, agents)
    if usage.usd is None:
        return "USD unknown: no run has said"
    how = ", estimated from prices" if usage.estimated else ""
    return f"{usage.usd:.2f} USD{how}" + (f", and unknown of {counted(len(runs), 'run')}" if runs else "")
