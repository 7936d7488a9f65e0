"""`factory trace`: where an item's time went, as a waterfall."""

import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import click

from factory.cli.ids import OPEN, item_argument
from factory.cli.session import json_option, reading
from factory.cli.text import echo_json
from factory.line.person.editing import no_such_item
from factory.model.lifecycle import Lane
from factory.model.moments import rfc3339
from factory.model.text import cut, printable
from factory.report.trace import Span, Trace, trace_of

_LONGEST_NAME, _LONGEST_SAID = 32, 100
_BESIDE = 40  # columns for what is said, at least
_BAR, _TIP = "█", "▏"
_LEAST_BAR, _MOST_BAR = 12, 80
_SHOWN = {  # what is said beside a bar, in words
    "factory.outcome": "",
    "factory.decision": "",
    "factory.worker": "",
    "gen_ai.request.model": "",
    "gen_ai.usage.input_tokens": " tokens in",
    "gen_ai.usage.output_tokens": " out",
    "factory.cost.usd": " USD",
}


@click.command("trace")
@item_argument(*OPEN, Lane.DONE)
@json_option
def trace_command(item_id: str, as_json: bool) -> None:
    """Show where an item's time went: waiting, runs, checks, seats, the apply; of a finished or archived one too."""
    with reading() as (reader, snapshot):
        found = trace_of(reader, snapshot.tree, snapshot.policy, item_id)
        if found is None and item_id not in snapshot.items:
            raise no_such_item(reader, snapshot, item_id)
        now = snapshot.now
    if as_json:
        echo_json([span.as_json() for span in found.spans] if found else [])
    elif found is None:
        click.echo(f"{item_id} lies in {snapshot.items[item_id].lane}, and the factory has not touched it yet")
    else:
        click.echo("\n".join(_waterfall(found, now)))


def _waterfall(found: Trace, now: datetime) -> Iterator[str]:
    """A line a span: its name by depth, when it was, how long, and what is said of it."""
    root = found.spans[0]
    until = max(root.start, *(span.end or now for span in found.spans))
    yield f"{click.style(found.item_id, bold=True)}  {rfc3339(root.start)}, trace {root.trace}"
    names = [*_names(found)]
    times = [f"{_duration((span.end or now) - span.start)}{'' if span.end else '…'}" for span in found.spans]
    longest, widest = (max(map(len, column)) for column in (names, times))
    width = max(_LEAST_BAR, min(_MOST_BAR, shutil.get_terminal_size().columns - longest - widest - _BESIDE))
    for span, name, took in zip(found.spans, names, times, strict=True):
        bar = _bar(span, (root.start, until), now, width)
        yield f"{name:{longest}}  {took:>{widest}}  {bar}  {_said(span)}".rstrip()


def _names(found: Trace) -> Iterator[str]:
    depths: dict[str, int] = {"": -1}
    for span in found.spans:
        depths[span.id] = depths[span.parent] + 1
        yield "  " * depths[span.id] + cut(printable(" ".join(span.name.split())), _LONGEST_NAME)


def _bar(span: Span, whole: tuple[datetime, datetime], now: datetime, width: int) -> str:
    """Where a span lies in the whole time; one too short to be seen still is."""
    seconds = max((whole[1] - whole[0]).total_seconds(), 0.001)
    first = min(width - 1, int((span.start - whole[0]).total_seconds() / seconds * width))
    last = min(width, round(((span.end or now) - whole[0]).total_seconds() / seconds * width))
    filled = _BAR * (last - first) if last > first else _TIP
    return " " * first + click.style(filled, fg="red" if span.error else None) + " " * (width - first - len(filled))


def _said(span: Span) -> str:
    told: Mapping[str, object] = span.attributes
    parts = [f"{_shown(told[key])}{unit}" for key, unit in _SHOWN.items() if key in told]
    failed = f"{told.get('error.type', 'failed')}: {span.error}" if span.error else ""
    said = ", ".join(filter(None, [*parts, failed]))
    return cut(printable(" ".join(said.split())), _LONGEST_SAID)


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _duration(took: timedelta) -> str:
    """A time in the two largest units that it has; a short one to a hundredth of a second."""
    seconds = int(took.total_seconds())
    for size, unit, less, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if seconds >= size:
            return f"{seconds // size}{unit} {seconds % size // less}{smaller}"
    return f"{took.total_seconds():.2f}s"
