"""Comments: what others have written, in a file that is put before a person."""

import textwrap
from collections.abc import Iterable, Iterator
from itertools import islice

from factory.model.text import printable

_WIDTH = 110
_MOST = 40  # lines of one kind: what is more is named by its number and read in the artifacts
_LONGEST = 300  # characters of one line of others


def one_line(text: str) -> str:
    """Text of others on one line, cut."""
    told = printable(" ".join(text.split()))
    return told if len(told) <= _LONGEST else f"{told[: _LONGEST - 1]}…"


def paragraph(text: str) -> Iterator[str]:
    """Text of others in indented lines, cut."""
    lines = (part for line in printable(text).strip().splitlines() for part in textwrap.wrap(line, _WIDTH - 4) or [""])
    yield from some(f"  {line}".rstrip() for line in lines)


def some(entries: Iterable[str]) -> Iterator[str]:
    """As many as a person reads; each may be several lines."""
    entries = iter(entries)
    for entry in islice(entries, _MOST):
        yield from entry.split("\n")
    more = sum(1 for _ in entries)
    if more:
        yield f"  and {more} more"
