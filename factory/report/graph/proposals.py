"""Proposals for `depends_on`: open items that will meet in the same files, and do not wait for each other yet. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from factory.model.scope import Overlap, ScopeIndex
from factory.report.graph.waiting import Waiting
from factory.report.marks.mark import edit

_MOST = 50  # proposals
_MOST_MET = 200  # others that an item is held against


@dataclass(frozen=True)
class Planned:
    """What an open item is about, and whether it can still wait for another."""

    id: str
    path: str  # where its file lies
    about: tuple[str, ...]  # its scope, and the files that its proposal touches
    depends_on: tuple[str, ...]
    can_wait: bool
    can_be_awaited: bool


@dataclass(frozen=True)
class Proposal:
    """That one item should wait for another."""

    item: str
    other: str
    own: str  # what the item is about, where they meet
    theirs: str
    depends_on: tuple[str, ...]  # what the item should say
    do: str

    def as_json(self) -> dict[str, object]:
        """The proposal for programs."""
        return {**self.__dict__, "depends_on": list(self.depends_on)}

    def in_words(self) -> str:
        """The proposal as people read it, in one line."""
        both = f"both are about {self.own}" if self.own == self.theirs else f"{self.own} meets {self.theirs}"
        return f"{both}; put `depends_on: [{', '.join(self.depends_on)}]` into it"


def proposals(planned: Sequence[Planned], waiting: Waiting) -> tuple[Proposal, ...]:
    """Whom items should wait for; they come in the order in which they are likely to be done.

    All proposals together make no circle, and none is made that follows from others: each is added to `waiting`.
    """
    return tuple(islice(_proposed(planned, waiting), _MOST))


def _proposed(planned: Sequence[Planned], waiting: Waiting) -> Iterator[Proposal]:
    index, place = ScopeIndex(), {each.id: number for number, each in enumerate(planned)}
    for each in planned:
        if each.can_wait:
            met: dict[str, Overlap] = {}
            for overlap in islice(index.overlaps(each.about), _MOST_MET):
                met.setdefault(overlap.item_id, overlap)
            needed = list(each.depends_on)
            for other in sorted(met, key=lambda item_id: -place[item_id]):
                if not _follows(each.id, other, waiting):
                    waiting.add(each.id, other)
                    needed.append(other)
                    overlap = met[other]
                    yield Proposal(each.id, other, overlap.own, overlap.other, tuple(needed), edit(each.path))
        if each.can_be_awaited:
            index.add(each.about, each.id)


def _follows(item_id: str, other: str, waiting: Waiting) -> bool:
    return waiting.waits_for(item_id, other) or waiting.waits_for(other, item_id)


def in_order(planned: Iterable[tuple[tuple[int, float, str], Planned]]) -> list[Planned]:
    """Items by how far they are, and when they came."""
    return [each for _, each in sorted(planned, key=lambda pair: pair[0])]
