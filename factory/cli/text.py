"""How things look: tables and colours on a terminal, plain lines in a pipe, times for people."""

import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import click

from factory.model.base import printable
from factory.model.errors import UsageError
from factory.model.lifecycle import Lane

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


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    if moment is None:
        return "-"
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def table(rows: Sequence[Sequence[str]], heads: Sequence[str]) -> None:
    """Print rows in columns; on a terminal the last column is cut to fit."""
    everything = [list(heads), *[list(row) for row in rows]]
    widths = [max(len(click.unstyle(row[column])) for row in everything) for column in range(len(heads))]
    room = shutil.get_terminal_size().columns - sum(widths[:-1]) - 2 * (len(heads) - 1)
    for number, row in enumerate(everything):
        cells = [cell + " " * (width - len(click.unstyle(cell))) for cell, width in zip(row, widths, strict=True)]
        last = row[-1]
        if sys.stdout.isatty() and len(click.unstyle(last)) > max(room, 20):
            last = click.unstyle(last)[: max(room, 20) - 1] + "…"
        line = "  ".join([*cells[:-1], last]).rstrip()
        click.echo(click.style(line, bold=True) if number == 0 else line)


def echo_json(value: object) -> None:
    """Print a value for programs."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


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
        yield click.style(line, bold=head, fg=None if head else _PATCH_COLOURS.get(line[:1]))


def in_pages(shown: Iterable[str]) -> None:
    """Print lines in pages on a terminal, all at once elsewhere."""
    os.environ.setdefault("LESS", "FRX")  # as git does: what fits is not paged, and colours are colours
    click.echo_via_pager(f"{line}\n" for line in shown)
