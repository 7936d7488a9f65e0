"""The states of a board, by whatever names, as lanes of the queue; as in the Symphony specification, without case."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from factory.model.lifecycle import Lane

# What boards commonly call the lanes, beside the lanes' own names.
_KNOWN: Mapping[str, Lane] = MappingProxyType(
    {
        **{str(lane): lane for lane in Lane},
        **dict.fromkeys(("todo",), Lane.INBOX),
        **dict.fromkeys(("in progress",), Lane.ACTIVE),
        **dict.fromkeys(("in review", "human review", "merging"), Lane.REVIEW),
        **dict.fromkeys(("closed", "cancelled", "canceled", "duplicate"), Lane.DONE),
    }
)


def plain(name: str) -> str:
    """A name or a label as it is compared: without case, and without the space around it."""
    return name.strip().lower()


def lane_of(state: str, named: Mapping[str, Lane]) -> Lane | None:
    """The lane that a state is: as `named`, or as it is commonly called; None when nobody says."""
    own = {plain(name): lane for name, lane in named.items()}
    return own.get(plain(state)) or _KNOWN.get(plain(state))


def states_of(lane: Lane, states: Iterable[str], named: Mapping[str, Lane]) -> tuple[str, ...]:
    """Those of some states that are a lane, one of the lane's own name first.

    What was sent back is in progress again on a board that has no state of its own for it.
    """
    given = tuple(states)
    found = [state for state in given if lane_of(state, named) is lane]
    if lane is Lane.REWORK and not found:
        found = [state for state in given if lane_of(state, named) is Lane.ACTIVE]
    return tuple(sorted(found, key=lambda state: plain(state) != lane))
