"""Dumps: the rows that xxd, od and hexdump show bytes in, read together, so that a value is found across them."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

_PAIR = rb"[0-9A-Fa-f]{2}"
# An address, groups of digits, in the middle of a row perhaps a gap; what follows shows them as text.
_ROW = re.compile(
    rb"^[ \t]*[0-9A-Fa-f]{4,16}:?[ \t]{1,2}((?:%b)+(?: (?:%b)+)*)(?:  ((?:%b ){0,7}%b) {2,}\|)?.*$"
    % (_PAIR, _PAIR, _PAIR, _PAIR),
    re.MULTILINE,
)


class Dumps:
    """The dumps that a text holds."""

    def __init__(self, data: bytes) -> None:
        self._rows: list[tuple[int, int]] = []
        straight: list[bytes] = []
        swapped: list[bytes] = []
        for row in _ROW.finditer(data):
            groups = [bytes.fromhex(group.decode()) for group in row[1].split() + (row[2] or b"").split()]
            self._rows.append(row.span())
            straight.append(b"".join(groups))
            # A group may be a number, and on most machines a number's last byte comes first.
            swapped.append(b"".join(group[::-1] for group in groups))
        self._readings = (straight, swapped)

    def places(self, value: bytes) -> Iterator[tuple[int, int]]:
        """Where whole rows show a value, first to last, and never twice."""
        found = {place for reading in self._readings for place in self._in(reading, value)}
        end = 0
        for start, after in sorted(found):
            if start >= end:
                end = after
                yield start, after

    def _in(self, reading: list[bytes], value: bytes) -> Iterator[tuple[int, int]]:
        whole = b"".join(reading)
        begins = [0, *accumulate(map(len, reading))]
        at = whole.find(value)
        while at >= 0:
            first, last = bisect_right(begins, at) - 1, bisect_right(begins, at + len(value) - 1) - 1
            yield self._rows[first][0], self._rows[last][1]
            at = whole.find(value, at + len(value))
