"""Compare two records: one story, but for fields that the later one adds and messages that are listed as renamed."""

import json
import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher, unified_diff
from itertools import zip_longest
from typing import NamedTuple

from pydantic import JsonValue

from tests.golden.normal import blank, numbered

_PART = re.compile(r"@@ -(\d+)")
Renames = Sequence[tuple[re.Pattern[str], str]]


class Block(NamedTuple):
    """An answer, a commit or a branch: its lines before the first file, and each file's by the line that heads it."""

    about: list[str]
    files: dict[str, list[str]]


def renames(text: str) -> Renames:
    """The `old => new` of a list of renamed messages; lines that begin with `#` are reasons."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    pairs = [line.split(" => ", 1) for line in lines]
    return [(re.compile(old, re.MULTILINE), new) for old, new in pairs]


def differences(earlier: str, later: str, renamed: Renames = ()) -> list[str]:
    """A readable diff of what differs; empty when both tell the same story."""
    for old, new in renamed:
        earlier = old.sub(new, earlier)
    before, after = _blocks(earlier), _blocks(later)
    left = "\n".join(line for block in before for line in _lines(block, block))
    beside = _pairs(before, after)
    right = "\n".join(line for number, block in enumerate(after) for line in _lines(block, beside.get(number)))
    # A single commit more renumbers all that follows, so ids are looked at when nothing else differs.
    return _diff(blank(left), blank(right)) or _diff(numbered(left), numbered(right))


def _diff(left: str, right: str) -> list[str]:
    """The difference, each part under the title of the block that it begins in."""
    lines, found = left.splitlines(), []
    for line in unified_diff(lines, right.splitlines(), "earlier", "later", lineterm=""):
        part = _PART.match(line)
        above = lines[: int(part[1])] if part else []
        found.append(line + next((f" {title}" for title in reversed(above) if title.startswith("=== ")), ""))
    return found


def _blocks(text: str) -> list[Block]:
    blocks: list[Block] = []
    for line in text.splitlines():
        if line.startswith("=== "):
            blocks.append(Block([], {}))
            lines = blocks[-1].about
        elif line.startswith("--- "):
            lines = blocks[-1].files.setdefault(line, [])
        lines.append(line.removeprefix("| "))
    return blocks


def _pairs(before: list[Block], after: list[Block]) -> dict[int, Block]:
    """For blocks of the later record, by their number, the one of the earlier that has the same title."""
    titles, others = ([blank(block.about[0]) for block in blocks] for blocks in (before, after))
    runs = SequenceMatcher(None, titles, others, autojunk=False).get_matching_blocks()
    return {run.b + number: before[run.a + number] for run in runs for number in range(run.size)}


def _lines(block: Block, beside: Block | None) -> Iterator[str]:
    """A block's lines, with a line for each value of its JSON files that the one beside it has as well."""
    yield from block.about
    for head, (first, *lines) in block.files.items():
        yield first
        values = _values(head, lines)
        others = _values(head, beside.files.get(head, [head])[1:]) if beside else []
        for value, other in zip_longest(values, others):
            if value is not None:
                yield from _flat(value if other is None else _known(value, other), "")
        if not values:
            yield from (f"| {line}" for line in lines)


def _values(head: str, lines: list[str]) -> list[JsonValue]:
    """The objects in a file's lines: one a line, or one in all; none when it holds no such thing."""
    if not lines or not lines[0].startswith("{"):
        return []
    try:
        return [json.loads(line) for line in lines] if head.endswith(".jsonl") else [json.loads("\n".join(lines))]
    except ValueError:
        return []


def _known(value: JsonValue, other: JsonValue) -> JsonValue:
    """The value without the fields that the other one does not have."""
    if isinstance(value, dict) and isinstance(other, dict):
        return {key: _known(each, other[key]) for key, each in value.items() if key in other}
    if isinstance(value, list) and isinstance(other, list) and len(value) == len(other):
        return [_known(each, its) for each, its in zip(value, other, strict=True)]
    return value


def _flat(value: JsonValue, place: str) -> Iterator[str]:
    """A line for each number and text in a value, with its place there."""
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _flat(each, f"{place}.{key}")
    elif isinstance(value, list) and value:
        for number, each in enumerate(value):
            yield from _flat(each, f"{place}[{number}]")
    else:
        yield f"| {place} = {json.dumps(value, ensure_ascii=False)}"
