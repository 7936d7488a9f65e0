"""Differences of lines, found and laid out as git's xdiff does: Myers, its short cuts, and the indent heuristic."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from tests.simulation.git.sliding import compact

_RUN, _MOST_EQUAL, _WINDOW = 4, 1024, 100
_FAR = 1 << 60


class Change(NamedTuple):
    """So many lines from `at1` on become so many from `at2` on."""

    at1: int
    count1: int
    at2: int
    count2: int


def split(data: bytes) -> list[bytes]:
    """Lines with their ends."""
    lines = data.split(b"\n")
    last = lines.pop()
    found = [line + b"\n" for line in lines]
    return [*found, last] if last else found


def changes(one: Sequence[bytes], two: Sequence[bytes], *, indent: bool = True) -> list[Change]:
    """What has to be done to the lines of one to make those of the other."""
    changed1, changed2 = (
        bytearray(len(one) + 2),
        bytearray(len(two) + 2),
    )  # the last but one ends groups, the last is -1
    compare(one, two, changed1, changed2)
    compact(one, changed1, changed2, len(two), indent=indent)
    compact(two, changed2, changed1, len(one), indent=indent)
    return script(changed1, changed2, len(one), len(two))


def script(changed1: bytearray, changed2: bytearray, size1: int, size2: int) -> list[Change]:
    """The changes, of lines that are marked."""
    found = []
    at1 = at2 = 0
    while at1 < size1 or at2 < size2:
        start1, start2 = at1, at2
        while at1 < size1 and changed1[at1]:
            at1 += 1
        while at2 < size2 and changed2[at2]:
            at2 += 1
        if at1 > start1 or at2 > start2:
            found.append(Change(start1, at1 - start1, start2, at2 - start2))
        at1 += 1
        at2 += 1
    return found


def compare(one: Sequence[bytes], two: Sequence[bytes], changed1: bytearray, changed2: bytearray) -> None:
    """Mark what came and went."""
    most = min(len(one), len(two))
    start = 0
    while start < most and one[start] == two[start]:
        start += 1
    end = 0
    while end < most - start and one[len(one) - 1 - end] == two[len(two) - 1 - end]:
        end += 1
    in1, in2 = Counter(one), Counter(two)
    rest1 = _kept(one, start, len(one) - end, in2, changed1)
    rest2 = _kept(two, start, len(two) - end, in1, changed2)
    _Myers(one, two, rest1, rest2, changed1, changed2).between(0, len(rest1), 0, len(rest2))


def _root(number: int) -> int:
    found = 1
    while number > 0:
        number >>= 2
        found <<= 1
    return found


def _kept(lines: Sequence[bytes], start: int, end: int, others: Counter[bytes], changed: bytearray) -> list[int]:
    """The lines that are worth comparing; the rest is marked as changed (xdl_cleanup_records)."""
    limit = min(_root(len(lines)), _MOST_EQUAL)
    kinds = bytearray(len(lines) + 1)
    for at in range(start, end):
        count = others[lines[at]]
        kinds[at] = 0 if count == 0 else 2 if count >= limit else 1
    kept = []
    for at in range(start, end):
        if kinds[at] == 1 or (kinds[at] == 2 and not _amid_changes(kinds, at, start, end - 1)):
            kept.append(at)
        else:
            changed[at] = 1
    return kept


def _amid_changes(kinds: bytearray, at: int, start: int, end: int) -> bool:
    alone = many = 0
    for way, last in ((-1, max(start, at - _WINDOW)), (1, min(end, at + _WINDOW))):
        found = 0
        many += 1
        step = at + way
        while (step >= last if way < 0 else step <= last) and kinds[step] != 1:
            if kinds[step]:
                many += 1
            else:
                found += 1
            step += way
        if not found:
            return False
        alone += found
    return many * _RUN < many + alone


class _Myers:
    """The divide and conquer of Myers, in the order in which git goes."""

    def __init__(
        self,
        one: Sequence[bytes],
        two: Sequence[bytes],
        rest1: list[int],
        rest2: list[int],
        changed1: bytearray,
        changed2: bytearray,
    ) -> None:
        self._one = [one[at] for at in rest1]
        self._two = [two[at] for at in rest2]
        self._rest1, self._rest2 = rest1, rest2
        self._changed1, self._changed2 = changed1, changed2
        self._forward: dict[int, int] = {}
        self._backward: dict[int, int] = {}

    def between(self, off1: int, lim1: int, off2: int, lim2: int) -> None:
        """Mark what differs in a part of both."""
        one, two = self._one, self._two
        while off1 < lim1 and off2 < lim2 and one[off1] == two[off2]:
            off1 += 1
            off2 += 1
        while off1 < lim1 and off2 < lim2 and one[lim1 - 1] == two[lim2 - 1]:
            lim1 -= 1
            lim2 -= 1
        if off1 == lim1:
            for at in self._rest2[off2:lim2]:
                self._changed2[at] = 1
        elif off2 == lim2:
            for at in self._rest1[off1:lim1]:
                self._changed1[at] = 1
        else:
            at1, at2 = self._middle(off1, lim1, off2, lim2)
            self.between(off1, at1, off2, at2)
            self.between(at1, lim1, at2, lim2)

    def _middle(self, off1: int, lim1: int, off2: int, lim2: int) -> tuple[int, int]:
        one, two, ahead, back = self._one, self._two, self._forward, self._backward
        least, most = off1 - lim2, lim1 - off2
        fmid, bmid = off1 - off2, lim1 - lim2
        odd = (fmid - bmid) & 1
        fmin = fmax = fmid
        bmin = bmax = bmid
        ahead[fmid], back[bmid] = off1, lim1
        while True:
            fmin, fmax = _widened(ahead, fmin, fmax, least, most, -1)
            for d in range(fmax, fmin - 1, -2):
                at1 = ahead[d - 1] + 1 if ahead[d - 1] >= ahead[d + 1] else ahead[d + 1]
                at2 = at1 - d
                while at1 < lim1 and at2 < lim2 and one[at1] == two[at2]:
                    at1 += 1
                    at2 += 1
                ahead[d] = at1
                if odd and bmin <= d <= bmax and back[d] <= at1:
                    return at1, at2
            bmin, bmax = _widened(back, bmin, bmax, least, most, _FAR)
            for d in range(bmax, bmin - 1, -2):
                at1 = back[d - 1] if back[d - 1] < back[d + 1] else back[d + 1] - 1
                at2 = at1 - d
                while at1 > off1 and at2 > off2 and one[at1 - 1] == two[at2 - 1]:
                    at1 -= 1
                    at2 -= 1
                back[d] = at1
                if not odd and fmin <= d <= fmax and at1 <= ahead[d]:
                    return at1, at2


def _widened(reached: dict[int, int], low: int, high: int, least: int, most: int, none: int) -> tuple[int, int]:
    """One more diagonal at each end, as far as there are any."""
    if low > least:
        low -= 1
        reached[low - 1] = none
    else:
        low += 1
    if high < most:
        high += 1
        reached[high + 1] = none
    else:
        high -= 1
    return low, high
