"""The board of a commit: everything that the page says, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.lifecycle import Lane
from factory.model.moments import moment_of
from factory.report.board.flow import Flow
from factory.report.board.graph import graph_of
from factory.report.board.items import MOST_ENDED, columns, count_ended, ended_rows, shown_anchors
from factory.report.board.links import Links
from factory.report.board.missions import panels
from factory.report.board.values import Board, Column, MissionPanel, Tile
from factory.report.board.window import DAYS, Window
from factory.report.board.words import UNKNOWN, dollars, lasting, line
from factory.report.fold.fold import Fold
from factory.report.status import Status
from factory.report.status_row import Row

_NOT_CHECKED_OUT = "the branch is not checked out anywhere, so that there is no file to link to"


@dataclass(frozen=True)
class Shown:
    """What is to be shown: a fold, the snapshot of its commit where it has a policy, and what is so at this moment."""

    fold: Fold
    snapshot: Snapshot | None
    status: Status | None = None  # of the newest commit alone

    @property
    def rows(self) -> Mapping[str, Row]:
        """The rows of the status, by item; none of a commit of the past."""
        return {row.id: row for row in self.status.rows} if self.status else {}


def board_of(reader: SnapshotReader, shown: Shown, folder: Path) -> Board:
    """The board, for a page that will lie in a folder. Reads only."""
    fold, links = shown.fold, Links.made(reader, shown.fold.commit, folder)
    flow = _flow(fold)
    lanes, ended = columns(fold, links, shown.rows), ended_rows(fold, links)
    anchors = shown_anchors(lanes, ended)
    missions = panels(reader, shown.snapshot, fold, links, shown.rows) if shown.snapshot else ()
    count = count_ended(fold)
    return Board(
        name=line(reader.repository.root.name, 80),
        branch=line(reader.branch, 80),
        commit=fold.commit,
        at=f"{moment_of(fold.at):%Y-%m-%d %H:%M} UTC",
        live=shown.status is not None,
        without_links="" if links.way is not None else _NOT_CHECKED_OUT,
        alarms=tuple(line(each, 400) for each in shown.status.alarms()) if shown.status else (),
        tiles=_tiles(fold, flow, lanes, count),
        columns=lanes,
        charts=flow.charts(),
        graph=graph_of(fold, anchors),
        missions=tuple(_joined(panel, anchors) for panel in missions),
        ended=ended,
        ended_note=f"The newest {MOST_ENDED} of {count:,}." if count > MOST_ENDED else "",
    )


def _flow(fold: Fold) -> Flow:
    """Of the items that were open at any time in the last days."""
    items = [*fold.finished(Window.longest(fold.at).day), *fold.open]
    first = min((item.submitted for item in items if item.submitted is not None), default=None)
    return Flow(Window.of(first, fold.at), items)


def _tiles(fold: Fold, flow: Flow, lanes: tuple[Column, ...], ended: int) -> tuple[Tile, ...]:
    """The numbers at the top."""
    counts = {column.lane: column.count for column in lanes}
    shares, landed = flow.shares(), flow.landed
    known = [item.usd for item in landed if item.usd is not None]
    ages = [fold.at - item.submitted for item in fold.open if item.submitted is not None]
    days = f"in {DAYS} days"
    return (
        Tile("open", f"{sum(counts.values()):,}", f"{counts[Lane.ACTIVE]} at work"),
        Tile("for people", f"{counts[Lane.REVIEW] + counts[Lane.BLOCKED]:,}", f"{counts[Lane.BLOCKED]} blocked"),
        Tile("oldest open", lasting(max(ages)) if ages else UNKNOWN, "since it was submitted"),
        Tile("ended well", f"{len(landed):,}", f"{days}; {ended:,} ended ever"),
        Tile("cycle time", lasting(shares.get("p50")), f"median; p85 {lasting(shares.get('p85'))}"),
        Tile("USD an item", dollars(sum(known) / len(known) if known else None), f"of {len(known)} that ended well"),
    )


def _joined(panel: MissionPanel, anchors: Mapping[str, str]) -> MissionPanel:
    """A mission whose features lead to their items, where the page shows these."""
    return replace(
        panel,
        milestones=tuple(
            replace(each, features=tuple(replace(one, anchor=anchors.get(one.id, "")) for one in each.features))
            for each in panel.milestones
        ),
    )
