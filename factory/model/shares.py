"""Shares: who gets the next slot of a pool, by weight: start-time fair queueing for many slots at once, SFQ(D).

Each member has a tag: the slot time that it was given so far, divided by its weight. The smallest tag among those that
want a slot gets the next one, and pays what slots are held for on average; what it really held one for is settled when
it gives it back. Who comes anew, or could not have one more because of its own limit, begins at the time of the pool:
nobody saves up for later what they did not want.
"""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

_LEARNT = 0.1  # of how much the average becomes what the newest slot was held for


@dataclass
class _Member:
    weight: float
    most: int
    tag: float = 0.0
    waiting: int = 0
    held: deque[tuple[float, float]] = field(default_factory=deque)  # (since when, what was paid), the oldest first
    contends: bool = False  # whether it has gone on wanting one since its tag was set to the pool's time


class Shares:
    """A pool of slots and its members. Times are seconds of a clock that is never set back."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._members: dict[str, _Member] = {}
        self._time = 0.0  # the tag of who got the last slot
        self._typical = 1.0  # seconds that a slot is held for

    def admit(self, name: str, weight: float, most: int) -> None:
        """Let one take part, or change what it may have."""
        member = self._members.setdefault(name, _Member(weight, most))
        member.weight, member.most = weight, most

    def dismiss(self, name: str) -> None:
        """One takes part no more; its slots are free."""
        self._members.pop(name, None)

    def held(self, name: str) -> int:
        """How many slots one has."""
        return len(self._members[name].held)

    def report(self, name: str, held: int, waiting: int, now: float) -> None:
        """One says how many of its slots it still has, and how many more it could use."""
        member = self._members[name]
        member.waiting = waiting
        while len(member.held) > held:
            since, paid = member.held.popleft()
            took = now - since
            member.tag += (took - paid) / member.weight
            self._typical += _LEARNT * (took - self._typical)

    def lend(self, now: float) -> Mapping[str, int]:
        """Give away what is free, slot by slot: how many each gets, those who get some."""
        given = Counter[str]()
        while sum(len(member.held) for member in self._members.values()) < self.slots:
            able = {name: each for name, each in self._members.items() if each.waiting and len(each.held) < each.most}
            for name, member in self._members.items():
                if name in able and not member.contends:
                    member.tag = max(member.tag, self._time)
                member.contends = name in able
            if not able:
                break
            name = min(able, key=lambda name: (able[name].tag, (len(able[name].held) + 1) / able[name].weight))
            member = able[name]
            self._time = max(self._time, member.tag)
            member.tag += self._typical / member.weight
            member.held.append((now, self._typical))
            member.waiting -= 1
            given[name] += 1
        return given
