"""How things look: tables and colours on a terminal, plain lines in a pipe, times for people."""

import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

import click

from factory.model.errors import UsageError
from factory.model.lifecycle import Lane
from factory.model.text import printable

_COLOURS = {
    Lane.INBOX: "white",
    Lane.ACTIVE: "cyan",
    Lane.REVIEW: "yellow",
    Lane.REWORK: "magenta",
    Lane.BLOCKED: "red",
    Lane.DONE: "green",
}


def lane_word(lane: Lane, text: str = "") -> str:
    """A lane's name, or another text, in the lane's colour."""
    return click.style(text or str(lane), fg=_COLOURS[lane])


# The columns that give way on a terminal, in this order, and how far: what remains is told by `factory show`.
_GIVE_WAY = (("TITLE", 24), ("WHY", 30), ("TITLE", 10), ("ITEM", 24), ("WHY", 12), ("TITLE", 5))


def table(rows: Sequence[Sequence[str]], heads: Sequence[str], most: int | None = None) -> None:
    """Print rows in columns, at most so many; on a terminal no row is wider than it."""
    everything = [list(heads), *[[_in_one_line(cell) for cell in row] for row in rows]]
    taken = [[_width(cell) for cell in row] for row in everything]
    widths = [max(column) for column in zip(*taken, strict=True)]
    if sys.stdout.isatty():
        room = shutil.get_terminal_size().columns - 2 * (len(heads) - 1)
        for head, least in (*_GIVE_WAY, (heads[-1], 5)):
            if head in heads:
                column = heads.index(head)
                widths[column] = max(min(widths[column], least), widths[column] - max(0, sum(widths) - room))
    shown: list[str] = []
    for row, needed in zip(everything[: most + 1 if most is not None else None], taken, strict=False):
        cells = [
            cell + " " * (width - wide) if wide <= width else _cut(cell, width)
            for cell, wide, width in zip(row, needed, widths, strict=True)
        ]
        shown.append("  ".join([*cells[:-1], cells[-1].rstrip()]).rstrip())
    shown[0] = click.style(shown[0], bold=True)
    if most is not None and len(rows) > most:
        shown.append(f"and {len(rows) - most} more")
    click.echo("\n".join(shown))


def _in_one_line(cell: str) -> str:
    return cell if cell.isprintable() else " ".join(cell.splitlines()).replace("\t", " ")


def _width(cell: str) -> int:
    """How many columns of a terminal a cell takes."""
    plain = click.unstyle(cell) if "\x1b" in cell else cell
    return len(plain) if plain.isascii() else sum(map(_columns, plain))


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cut(cell: str, width: int) -> str:
    """A cell that is wider, in exactly this width."""
    kept, taken = "", 0
    for character in click.unstyle(cell):
        if taken + _columns(character) > width - 1:
            break
        kept, taken = kept + character, taken + _columns(character)
    return f"{kept}…{' ' * (width - taken - 1)}"


def echo_json(value: object) -> None:
    """Print a value for programs. Two signs by which a log on GitHub gives commands are spelt in another way."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False).replace("##[", "#\\u0023["))


def encoded(text: str) -> bytes:
    """What somebody typed, as it goes into a file. Raises UsageError for what is no text."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{printable(text)[:60]!r} is not UTF-8 text") from None


def lines(texts: Iterable[str]) -> None:
    """Print texts of others, one a line."""
    for text in texts:
        click.echo(printable(text))


_PATCH_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def patch_lines(patch: str) -> Iterator[str]:
    """The lines of a patch, in colour."""
    for line in printable(patch).split("\n"):
        head = line.startswith(("diff --git", "+++", "---"))
        yield click.style(line, bold=head or None, fg=None if head else _PATCH_COLOURS.get(line[:1]))


def in_pages(shown: Iterable[str]) -> None:
    """Print lines in pages on a terminal, all at once elsewhere."""
    os.environ.setdefault("LESS", "FRX")  # as git does: what fits is not paged, and colours are colours
    chosen = os.environ.get("PAGER", "less")
    # Of less click finds out by its flags whether it takes colours; to another pager they go as git's own do.
    color = True if sys.stdout.isatty() and "less" not in chosen else None
    click.echo_via_pager((f"{line}\n" for line in shown), color=color)
