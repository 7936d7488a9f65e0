"""Dependencies: items that wait for others which cannot come, however long the way to these is. Pure."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from factory.line.snapshot import ItemState
from factory.model.dependencies import in_a_circle
from factory.model.lifecycle import Lane, Outcome
from factory.report.marks.mark import Mark, MarkKind, edit
from factory.report.marks.obstacle import Obstacle, circled

_WAITING = (Lane.INBOX, Lane.REWORK)
_MOST_NAMED = 3  # of a chain
_UNMET = frozenset({Outcome.REJECTED, Outcome.CANCELLED})


class _Link(NamedTuple):
    """What an item waits for that cannot come: the next one on the way to it, and what is there at its end."""

    needed: str
    obstacle: Obstacle
    end: str  # whom the obstacle is about
    between: int = 0  # items on the way from the next one to that

    def before(self, needed: str) -> "_Link":
        """The same for whoever needs the one that waits."""
        return _Link(needed, self.obstacle, self.end, self.between + 1)


@dataclass
class Dependencies:
    """Who waits for whom, and in vain. Each item is looked at once, however many wait for it."""

    states: Mapping[str, ItemState]  # the open items
    obstacles: Mapping[str, Obstacle]  # what keeps them where they are
    outcome_of: Callable[[str], Outcome | None]  # how a finished item ended
    archived: Callable[[str], bool]  # whether a finished item can be opened again no more
    _known: dict[str, _Link | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._circled = circled(self.states)

    def mark(self, item_id: str) -> Mark | None:
        """The mark of an item that waits in vain; None of one that waits for what is on its way, or for nothing."""
        state = self.states[item_id]
        if state.lane not in _WAITING or state.item is None:
            return None
        if item_id in self._circled:
            circle = self._circle(item_id)
            return Mark(MarkKind.CIRCLE, f"it {circle.said}", circle.do)
        link = self._known[item_id] if item_id in self._known else self._link(item_id)
        if link is None:
            return None
        return Mark(link.obstacle.kind, f"it waits for {self._told(link)}", link.obstacle.do)

    def _told(self, link: _Link) -> str:
        """The way to what cannot come, in words; of a long one its beginning and its end."""
        names, step = [link.needed], link
        while step.between and len(names) < _MOST_NAMED:
            step = self._known[step.needed] or step
            names.append(step.needed)
        way = ", which waits for ".join(names)
        further = f", and {step.between} further on for {step.end}" if step.between else ""
        return f"{way}{further}, which {link.obstacle.said}"

    def _link(self, start: str) -> _Link | None:
        """What an item waits for in vain. Its way is walked without recursion: a chain may be as long as the queue."""
        way = {start: None}  # in the order in which it leads on
        while way:
            current = next(reversed(way))
            further = self._unknown(current, way)
            if further is None:
                self._known[current] = self._first(current)
                del way[current]
            else:
                way[further] = None
        return self._known[start]

    def _unknown(self, item_id: str, way: Container[str]) -> str | None:
        """A waiting item that this one needs, and that nobody has looked at; who is on the way is in a circle."""
        return next((each for each in self._needs(item_id) if self._to_be_followed(each) and each not in way), None)

    def _to_be_followed(self, item_id: str) -> bool:
        state = self.states.get(item_id)
        own = item_id in self.obstacles or item_id in self._circled or item_id in self._known
        return state is not None and state.lane in _WAITING and not own

    def _needs(self, item_id: str) -> tuple[str, ...]:
        item = self.states[item_id].item
        return item.depends_on if item else ()

    def _first(self, item_id: str) -> _Link | None:
        links = (self._in_vain(item_id, needed) for needed in self._needs(item_id))
        return next(filter(None, links), None)

    def _in_vain(self, item_id: str, needed: str) -> _Link | None:
        """Why one of the items that are needed does not come; None where it is done, or may come."""
        if needed not in self.states:
            gone = self._gone(self.states[item_id].placed.path, needed)
            return _Link(needed, gone, needed) if gone else None
        own = self._circle(needed) if needed in self._circled else self.obstacles.get(needed)
        if own is not None:
            return _Link(needed, own, needed)
        link = self._known.get(needed)
        return link.before(needed) if link else None

    def _gone(self, path: str, needed: str) -> Obstacle | None:
        """What is in the way where an item is needed that is not open; `path` is where it is said that it is needed."""
        outcome = self.outcome_of(needed)
        if outcome is None:
            said = "is not in the queue, or cannot be read: name another one in depends_on"
            return Obstacle(MarkKind.MISSING, said, edit(path))
        if outcome not in _UNMET:
            return None
        if self.archived(needed):
            said = f"ended as {outcome} and is archived: take it out of depends_on"
            return Obstacle(MarkKind.ENDED, said, edit(path))
        return Obstacle(MarkKind.ENDED, f"ended as {outcome}: open it again", f"factory retry {needed}")

    def _circle(self, item_id: str) -> Obstacle:
        way = in_a_circle(self._circled[item_id]).removeprefix(f"{item_id} ")
        return Obstacle(MarkKind.CIRCLE, f"{way}; edit depends_on", edit(self.states[item_id].placed.path))
