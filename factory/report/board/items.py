"""Items as the page shows them: the open ones as cards in their lanes, the newest that ended as rows."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from factory.model.lifecycle import Lane
from factory.report.board.links import Links
from factory.report.board.values import Card, Column, EndedRow
from factory.report.board.words import UNKNOWN, anchor, dollars, lasting, line, moment
from factory.report.fold.facts import ItemFacts
from factory.report.fold.fold import Fold
from factory.report.status_row import Row

MOST_CARDS = 100  # in one lane
MOST_ENDED = 500
_LONGEST_ID = 90  # characters
_STALLED = "stalled"
_LANES = tuple(lane for lane in Lane if lane is not Lane.DONE)


def columns(fold: Fold, links: Links, rows: Mapping[str, Row]) -> tuple[Column, ...]:
    """The open lanes, each with those that have been in it longest first."""
    return tuple(_column(fold, links, rows, lane) for lane in _LANES)


def ended_rows(fold: Fold, links: Links) -> tuple[EndedRow, ...]:
    """The newest items that are at their end, the newest first."""
    return tuple(_ended(fold, links, item) for item in newest_ended(fold, MOST_ENDED))


def newest_ended(fold: Fold, most: int) -> list[ItemFacts]:
    """So many of the items that ended last, the last one first; no more days are read than that takes."""
    days = (sorted(part, key=lambda item: item.ended or 0, reverse=True) for part in reversed(fold.parts))
    return list(islice((item for day in days for item in day), most))


def count_ended(fold: Fold) -> int:
    """How many items are at their end."""
    return sum(part.note.count for part in fold.parts)


def shown_anchors(columns: Iterable[Column], ended: Iterable[EndedRow]) -> dict[str, str]:
    """What the items that the page shows are called by within it."""
    cards = (card for column in columns for card in column.cards)
    return {**{row.id: row.anchor for row in ended}, **{card.id: card.anchor for card in cards}}


def _column(fold: Fold, links: Links, rows: Mapping[str, Row], lane: Lane) -> Column:
    found = sorted((item for item in fold.open if item.lane is lane), key=lambda each: (each.since or fold.at, each.id))
    return Column(lane, len(found), tuple(_card(fold, links, item, rows.get(item.id)) for item in found[:MOST_CARDS]))


def _card(fold: Fold, links: Links, item: ItemFacts, row: Row | None) -> Card:
    last = item.stays[-1] if item.stays else None
    since = item.since if row is None or row.since is None else int(row.since.timestamp())
    return Card(
        id=line(item.id, _LONGEST_ID),
        anchor=anchor("item", item.id),
        title=line(item.title),
        contract=line(fold.contract_of(item)),
        age=lasting(None if since is None else max(0, fold.at - since)),
        since=moment(since),
        state=row.state if row else "",
        reason=line(row.note if row else last.reason if last else ""),
        run=item.runs[-1].number if item.runs else 0,
        round=item.round,
        priority=item.priority,
        labels=tuple(line(label, 40) for label in item.labels[:8]),
        marks=tuple(_marks(item, row)),
        links=links.of_item(item),
    )


def _marks(item: ItemFacts, row: Row | None) -> Iterator[tuple[str, str]]:
    """What is amiss with an item, and what a person could do about it."""
    if row and row.state == _STALLED:
        yield "stalled", f"factory logs {line(item.id, _LONGEST_ID)}"
    for mark in row.marks if row else ():
        yield line(f"{mark.reason} (seen on this machine)" if mark.local else mark.reason), line(mark.do)


def _ended(fold: Fold, links: Links, item: ItemFacts) -> EndedRow:
    return EndedRow(
        id=line(item.id, _LONGEST_ID),
        anchor=anchor("item", item.id),
        title=line(item.title, 120),
        contract=line(fold.contract_of(item), 60),
        outcome=str(item.outcome or UNKNOWN),
        ended=moment(item.ended),
        lead=lasting(_between(item.submitted, item.ended)),
        cycle=lasting(_between(item.started, item.ended)),
        rounds=item.round,
        usd=dollars(item.usd),
        links=links.of_item(item),
    )


def _between(begin: int | None, end: int | None) -> int | None:
    return None if begin is None or end is None else max(0, end - begin)
