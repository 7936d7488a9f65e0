"""Journal lines in plain words: what an event says of an item, in one line."""

from collections import Counter

from factory.model.journal import Entry
from factory.model.lifecycle import Event
from factory.model.mission.assertions import AssertionState
from factory.model.text import counted

_MOST_NAMED = 3
_LONGEST_SAID = 200  # characters of what one judge says


def why(entry: Entry) -> str:
    """Why an entry came to be, and of a mission what it says besides; empty where nobody said."""
    reason = (entry.reason or "").strip().partition("\n")[0]
    match entry.event:
        case Event.OPEN:
            return f"its plan is merged, {reason}" if reason else "its plan is merged"
        case Event.ADVANCE:
            return "; ".join(filter(None, (reason, _judged(entry))))
        case Event.PAUSE:
            asks = f"it asks {counted(len(entry.questions), 'question')}" if entry.questions else "it is paused"
            return f"{asks}: {reason}"
        case Event.RESUME:
            return f"it goes on: {reason}"
        case _:
            return reason


def told(entry: Entry) -> str:
    """What an entry says that happened, as a sentence about the item without its full stop."""
    who, reason, run = entry.actor.partition(" <")[0], why(entry), f"run {entry.run}"
    because = f": {reason}" if reason else ""
    match entry.event:
        case Event.SUBMIT:
            return "came into the inbox"
        case Event.START:
            return f"{run} began, by {entry.worker}" if entry.worker else f"{run} began"
        case Event.RELEASE:
            return f"{run} came to nothing, and is to be tried again{because}"
        case Event.DELIVER:
            clashes = f"; it conflicts with {', '.join(entry.conflicts_with)}" if entry.conflicts_with else ""
            return f"{run} delivered what is to be judged{clashes}"
        case Event.REWORK:
            return f"was sent back to be done again{because}"
        case Event.BLOCK:
            return f"was blocked, and waits for a person{because}"
        case Event.FINISH:
            commit = f" as {entry.applied[:10]}" if entry.applied else ""
            return f"was {entry.outcome}{commit}{because}"
        case Event.REJECT | Event.CANCEL:
            return f"was {entry.outcome}{because}"
        case Event.UNBLOCK | Event.MOVED:
            return f"{who} moved it from {entry.source} to {entry.to}{because}"
        case _:  # of missions, of which `why` tells it all
            return reason or str(entry.event)


def _judged(entry: Entry) -> str:
    """How many assertions were judged, and those that did not pass."""
    states = Counter(each.state for each in entry.judged.values())
    bad = [key for key, each in entry.judged.items() if each.state is not AssertionState.PASSED]
    named = f" ({', '.join(bad[:_MOST_NAMED])}{' …' if len(bad) > _MOST_NAMED else ''})" if bad else ""
    said = " ".join(entry.judged[bad[0]].said.split())[:_LONGEST_SAID] if len(bad) == 1 else ""
    named += f": {said}" if said else ""
    return ", ".join(f"{states[state]} {state}" for state in AssertionState if states[state]) + named
