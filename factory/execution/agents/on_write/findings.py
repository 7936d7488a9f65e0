"""Findings: what the commands of `on_write` print that fail, each with its place in the worktree."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from factory.execution.agents.on_write.commands import Failed
from factory.model.text import counted
from factory.model.verdict import Finding

_MOST = 50
# As compilers and linters name a place: `a.py:3:1: text`, or `--> a.py:3:1` below the text.
_PLACE = re.compile(r"(?P<path>[^\s:'\"()<>|]+):(?P<line>[1-9]\d{0,8})\b(?::\d+)?")
_WITH_TEXT = re.compile(rf"{_PLACE.pattern}:?\s+(?P<text>\S.*)")


class _Place(NamedTuple):
    path: str
    line: int | None = None


def findings_of(failed: Sequence[Failed], tree: Path, seen_at: Sequence[Path]) -> tuple[Finding, ...]:
    """What a worker has to put right, a flood cut; `seen_at` is where else the worktree stands for a command."""
    roots = tuple(f"{root}/" for root in (tree, *seen_at))
    found = [each for command in failed for each in _of(command, tree, roots)]
    if len(found) > _MOST:
        found = [*found[: _MOST - 1], (_Place(""), f"and {counted(len(found) - _MOST + 1, 'line')} more of the like")]
    return tuple(
        Finding(id=f"W{number}", path=place.path, line=place.line, text=text)
        for number, (place, text) in enumerate(found, 1)
    )


def _of(failed: Failed, tree: Path, roots: Sequence[str]) -> Iterator[tuple[_Place, str]]:
    """One for each line that begins with a place and says something of it; else one for all that was printed."""
    named = [
        (place, f"{line['text'].strip()} (`{failed.called}`)")
        for line in map(_WITH_TEXT.match, failed.said.splitlines())
        if line and (place := _place(line, tree, roots))
    ]
    if named:
        yield from named
        return
    places = (_place(each, tree, roots) for each in _PLACE.finditer(failed.said))
    first = next(filter(None, places), _Place(""))
    yield first, f"`{failed.called}` {failed.how}\n{failed.said.strip()}".rstrip()


def _place(found: re.Match[str], tree: Path, roots: Sequence[str]) -> _Place | None:
    """The place of a file in the worktree that a text names; None where there is no such file."""
    path = found["path"]
    for root in roots:
        path = path.removeprefix(root)
    path = os.path.normpath(path)
    if path.startswith(("/", "..")) or not (tree / path).is_file():
        return None
    return _Place(path, int(found["line"]))
