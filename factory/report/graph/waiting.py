"""Who waits for whom among the open items: ways from one to another, and what holds up most work. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class HoldUp:
    """An open item that waits for no other open one, and those that wait for it."""

    id: str
    waiting: tuple[str, ...]  # all of them, however long the way to it is
    chain: tuple[str, ...]  # the longest way, from the item on


@dataclass
class Waiting:
    """The declared dependencies of open items, to which more may be added."""

    needs: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    needed_by: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def of(cls, depends_on: Mapping[str, Iterable[str]]) -> "Waiting":
        """What these items declare of one another; what else they name is not open."""
        found = cls()
        for item_id, needed in depends_on.items():
            for each in needed:
                if each in depends_on:
                    found.add(item_id, each)
        return found

    def add(self, item_id: str, needed: str) -> None:
        """Let one wait for another."""
        self.needs[item_id].add(needed)
        self.needed_by[needed].add(item_id)

    def waits_for(self, item_id: str, other: str) -> bool:
        """Whether one waits for another, however long the way is."""
        return other in _reached(item_id, self.needs)

    def hold_ups(self) -> list[HoldUp]:
        """What others wait for, those first for which most do. Of a circle the first one by its id stands for all."""
        roots = [each for each in self.needed_by if self.needed_by[each] and not self.needs.get(each)]
        covered = {item_id for root in roots for item_id in (root, *_reached(root, self.needed_by))}
        for item_id in sorted(self.needed_by.keys() - covered):
            if item_id not in covered and item_id in _reached(item_id, self.needs):
                roots.append(item_id)
                covered |= {item_id, *_reached(item_id, self.needed_by)}
        found = [HoldUp(root, tuple(sorted(self._behind(root))), self._longest(root)) for root in roots]
        return sorted(found, key=lambda each: (-len(each.waiting), each.id))

    def _behind(self, root: str) -> set[str]:
        return _reached(root, self.needed_by) - {root}

    def _longest(self, root: str) -> tuple[str, ...]:
        """The longest way of those that wait; without recursion, since it may be as long as the queue."""
        after: dict[str, str] = {}
        length: dict[str, int] = {}
        way = {root: None}
        while way:
            current = next(reversed(way))
            behind = self.needed_by.get(current) or set()
            unknown = next((each for each in behind if each not in length and each not in way), None)
            if unknown is not None:
                way[unknown] = None
                continue
            known = sorted(each for each in behind if each in length)
            if known:
                after[current] = max(known, key=lambda each: length[each])
            length[current] = 1 + max((length[each] for each in known), default=0)
            del way[current]
        chain = [root]
        while chain[-1] in after:
            chain.append(after[chain[-1]])
        return tuple(chain)


def _reached(start: str, ways: Mapping[str, Iterable[str]]) -> set[str]:
    """Whom one comes to from here; the start itself only where a way leads back."""
    found: set[str] = set()
    to_come = [start]
    while to_come:
        for each in ways.get(to_come.pop()) or ():
            if each not in found:
                found.add(each)
                to_come.append(each)
    return found
