"""`factory logs`: what an item's worker does at this moment, or did in a run that is over."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

import click

from factory.cli.ids import OPEN, item_argument
from factory.cli.session import reading
from factory.line.person.editing import no_such_item
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.errors import UsageError
from factory.model.layout import run_file
from factory.model.lifecycle import Lane
from factory.model.run_layout import OUTPUT, TRACE, seat_log, seat_trace
from factory.report.output import output_of, shown, traced
from factory.store.state import HEARTBEATS, LIVE
from factory.store.system import System

_LOOK_S = 0.2


@click.command("logs")
@item_argument(*OPEN, Lane.DONE)
@click.option("-f", "follow", is_flag=True, help="Go on as long as the run is under way.")
@click.option("--run", "number", type=click.IntRange(1), help="Of this run; else the last one.")
@click.option("--seat", metavar="NAME", help="What an agent or a command did in this seat, of a run that is over.")
def logs_command(item_id: str, follow: bool, number: int | None, seat: str | None) -> None:
    """Show what an item's worker does: of a run under way on this machine, or of one that is over."""
    if seat is not None and follow:
        raise UsageError("a seat can be looked at once it has judged", f"factory logs {item_id} --seat {seat}")
    with reading() as (reader, snapshot):
        state = snapshot.items.get(item_id)
        under_way = state is not None and state.lane is Lane.ACTIVE and number in (None, state.history.run)
        if state is not None and under_way and seat is None:
            lines = _live(reader, snapshot, state, follow)
        else:
            lines = _kept(reader, snapshot, item_id, number, seat)
        for line in lines:
            click.echo(line)


def _live(reader: SnapshotReader, snapshot: Snapshot, state: ItemState, follow: bool) -> Iterator[str]:
    own, system = reader.repository.state, reader.repository.system
    beats = own / HEARTBEATS / state.id
    if state.contract is None or state.item is None:
        raise UsageError(f"of {state.id} nothing can be told: {state.problem}", "factory check")
    if not beats.exists():
        raise UsageError(f"run {state.history.run} of {state.id} is not under way on this machine", "factory status")
    output = output_of(reader, snapshot, state)
    for piece in _pieces(own / LIVE / state.id, beats, system, follow):
        yield from output.more(piece)


def _pieces(path: Path, beats: Path, system: System, follow: bool) -> Iterator[bytes]:
    """What a file holds, and what it is added to until the run has ended: it stays open, since it is removed then."""
    with ExitStack() as stack:
        file: BinaryIO | None = None
        while True:
            going = follow and beats.exists()
            if file is None and path.exists():
                with suppress(FileNotFoundError):  # it has just ended
                    file = stack.enter_context(path.open("rb"))
            yield file.read() if file else b""
            if not going:
                return
            system.sleep(_LOOK_S)


def _kept(
    reader: SnapshotReader, snapshot: Snapshot, item_id: str, number: int | None, seat: str | None
) -> Iterator[str]:
    """What is committed of a run's worker, or of one of its seats."""
    state, day = snapshot.items.get(item_id), reader.queue.done_day(snapshot.tree, item_id) or ""
    if state is None and not day:
        raise no_such_item(reader, snapshot, item_id)
    history = state.history if state else reader.artifacts.history(snapshot.tree, item_id, day)
    run = number or history.run
    trace, output = (TRACE, OUTPUT) if seat is None else (seat_trace(seat), seat_log(seat))
    for name in (trace, output):
        data = reader.archive.file(snapshot.tree, run_file(item_id, run, name, day))
        if data is not None:
            yield from traced(data) if name == trace else map(shown, data.decode(errors="replace").splitlines())
            return
    whose = f"the seat {seat} in " if seat else ""
    raise UsageError(f"nothing is kept of {whose}run {run} of {item_id}", f"factory log {item_id}")
