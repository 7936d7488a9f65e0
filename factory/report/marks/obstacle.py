"""Obstacles: why an open item cannot go on by itself, as whoever waits for it needs to know. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from factory.line.dispatch.schedule import ScheduleEntry
from factory.line.snapshot import ItemState
from factory.model.breaker import BreakerState
from factory.model.dependencies import circles
from factory.model.lifecycle import Lane
from factory.model.moments import rfc3339
from factory.model.text import cut
from factory.report.marks.mark import Mark, MarkKind, edit

_LONGEST = 160  # characters of a reason


@dataclass(frozen=True)
class Obstacle:
    """What keeps an item where it is until a person does something."""

    kind: MarkKind  # of whoever waits for it
    said: str  # what is said of the item, after its name
    do: str


def obstacle_of(state: ItemState) -> Obstacle | None:
    """What a person has to do about an item itself, whoever waits for it; None where nothing has to be done."""
    if state.lane is Lane.BLOCKED:
        why = _short(state.problem or state.history.reason)
        said = f"is blocked ({why})" if why else "is blocked"
        return Obstacle(MarkKind.BLOCKED, said, unblocking(state))
    if state.item is None or state.contract is None:
        return Obstacle(MarkKind.INVALID, f"cannot be used ({_short(state.problem)})", "factory check")
    if state.item.hold:
        return Obstacle(MarkKind.HELD, "is on hold", f"factory hold {state.id} --off")
    return None


def unblocking(state: ItemState) -> str:
    """The command by which a person lets a blocked item go on."""
    if state.problem:
        return "factory check"
    if state.history.questions:
        return f"factory answer {state.id}"
    if state.history.mission.under_way:
        return f"factory mission resume {state.id}"
    return f"factory retry {state.id}"


def breaker_marks(schedule: Mapping[str, ScheduleEntry]) -> Iterator[tuple[str, Mark]]:
    """For each item that could start but for an open breaker, the mark that says so.

    A usage limit is none: it is reset by itself, at a time that is known.
    """
    for item_id, entry in schedule.items():
        if entry.breaker is not None and not entry.breaker.limited:
            yield item_id, _of_breaker(entry.breaker)


def _of_breaker(breaker: BreakerState) -> Mark:
    until = f" until {rfc3339(breaker.until)}" if breaker.until else ""
    reason = f"it waits for the breaker of the {breaker.of}, which is open{until}: {_short(breaker.reason)}"
    return Mark(MarkKind.BREAKER, f"{reason}; mend that, and set state: closed", edit(breaker.path))


def circled(states: Mapping[str, ItemState]) -> Mapping[str, tuple[str, ...]]:
    """For every waiting item in a circle of dependencies, the way from it back to itself."""
    waiting = (state for state in states.values() if state.lane in (Lane.INBOX, Lane.REWORK))
    return circles({state.id: state.item.depends_on for state in waiting if state.item})


def _short(text: str) -> str:
    return cut(" ".join(text.strip().partition("\n")[0].split()), _LONGEST)
