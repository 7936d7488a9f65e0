"""Differences of lines by histogram, as git's merges find them (xhistogram): around the rarest lines that both have."""

from collections.abc import Sequence
from typing import NamedTuple

from tests.simulation.git.sliding import compact
from tests.simulation.git.xdiff import Change, compare, script

_MOST_ALIKE = 64


class _Common(NamedTuple):
    """A run of lines that both have, first and last included."""

    begin1: int
    end1: int
    begin2: int
    end2: int


def changes(one: Sequence[bytes], two: Sequence[bytes]) -> list[Change]:
    """What has to be done to the lines of one to make those of the other."""
    changed1, changed2 = bytearray(len(one) + 2), bytearray(len(two) + 2)
    _Histogram(one, two, changed1, changed2).between(0, len(one), 0, len(two))
    compact(one, changed1, changed2, len(two), indent=False)
    compact(two, changed2, changed1, len(one), indent=False)
    return script(changed1, changed2, len(one), len(two))


class _Histogram:
    def __init__(self, one: Sequence[bytes], two: Sequence[bytes], changed1: bytearray, changed2: bytearray) -> None:
        self._one, self._two = one, two
        self._changed1, self._changed2 = changed1, changed2

    def between(self, start1: int, end1: int, start2: int, end2: int) -> None:
        """Mark what differs between two parts; ends are not included."""
        while start1 < end1 and start2 < end2:
            search = _Search(self._one, self._two, (start1, end1, start2, end2))
            if search.gave_up:
                self._fall_back(start1, end1, start2, end2)
                return
            common = search.common
            if common is None:
                break
            self.between(start1, common.begin1, start2, common.begin2)
            start1, start2 = common.end1 + 1, common.end2 + 1
        for at in range(start1, end1):
            self._changed1[at] = 1
        for at in range(start2, end2):
            self._changed2[at] = 1

    def _fall_back(self, start1: int, end1: int, start2: int, end2: int) -> None:
        part1, part2 = bytearray(end1 - start1 + 2), bytearray(end2 - start2 + 2)
        compare(self._one[start1:end1], self._two[start2:end2], part1, part2)
        self._changed1[start1:end1] = part1[: end1 - start1]
        self._changed2[start2:end2] = part2[: end2 - start2]


class _Search:
    """The longest run of common lines among those with the rarest one."""

    def __init__(self, one: Sequence[bytes], two: Sequence[bytes], part: tuple[int, int, int, int]) -> None:
        self._one, self._two = one, two
        self._start1, self._end1, self._start2, self._end2 = part
        self._places: dict[bytes, list[int]] = {}
        for at in range(self._start1, self._end1):
            self._places.setdefault(one[at], []).append(at)
        self._rarest = _MOST_ALIKE + 1
        self._any = False
        self.common: _Common | None = None
        at = self._start2
        while at < self._end2:
            at = self._tried(at)
        self.gave_up = self._any and self._rarest > _MOST_ALIKE

    def _tried(self, at: int) -> int:
        """Try the runs through one line of the second; where to go on there."""
        places = self._places.get(self._two[at])
        if places is None:
            return at + 1
        self._any = True
        count = len(places)
        if count > self._rarest:
            return at + 1
        go_on = at + 1
        reached = -1
        for place in places:
            if place <= reached:
                continue
            run, rarity = self._run(place, at, count)
            reached = run.end1
            go_on = max(go_on, run.end2 + 1)
            longest = self.common.end1 - self.common.begin1 if self.common else 0
            if longest < run.end1 - run.begin1 or rarity < self._rarest:
                self.common = run
                self._rarest = rarity
        return go_on

    def _run(self, at1: int, at2: int, count: int) -> tuple[_Common, int]:
        begin1, begin2, last1, last2 = at1, at2, at1, at2
        while self._start1 < begin1 and self._start2 < begin2 and self._one[begin1 - 1] == self._two[begin2 - 1]:
            begin1 -= 1
            begin2 -= 1
            if count > 1:
                count = min(count, len(self._places[self._one[begin1]]))
        while last1 < self._end1 - 1 and last2 < self._end2 - 1 and self._one[last1 + 1] == self._two[last2 + 1]:
            last1 += 1
            last2 += 1
            if count > 1:
                count = min(count, len(self._places[self._one[last1]]))
        return _Common(begin1, last1, begin2, last2), count
