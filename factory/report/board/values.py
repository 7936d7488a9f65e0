"""What a board shows, ready to be read: plain values of text, in the order in which they stand on the page."""

from dataclasses import dataclass

from factory.model.lifecycle import Lane


@dataclass(frozen=True)
class Link:
    """A file of the working tree; `href` is relative to the page, and percent-encoded."""

    text: str
    href: str


@dataclass(frozen=True)
class Tile:
    """One number at the top of the page."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Card:
    """One open item."""

    id: str
    anchor: str
    title: str
    contract: str
    age: str  # in its lane
    since: str
    state: str  # live: what it waits for or does, in a word; empty for a commit of the past
    reason: str
    run: int
    round: int
    priority: int | None = None
    labels: tuple[str, ...] = ()
    marks: tuple[tuple[str, str], ...] = ()  # (what is amiss, what a person could do)
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Column:
    """One lane with its newest trouble first; `count` is of all, also of those that are not shown."""

    lane: Lane
    count: int
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Table:
    """Rows below heads; `numbers` are the columns that stand to the right. `note` says what is left out."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Chart:
    """One picture, the same in words, and the numbers behind it."""

    key: str
    title: str
    words: str
    svg: str  # empty where there is nothing to draw
    legend: tuple[tuple[str, str], ...]  # (the class by which it is coloured, what it means)
    table: Table


@dataclass(frozen=True)
class EndedRow:
    """One item that is at its end."""

    id: str
    anchor: str
    title: str
    contract: str
    outcome: str
    ended: str
    lead: str
    cycle: str
    rounds: int
    usd: str
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Node:
    """An item in the graph of dependencies, where it is drawn, and how its lane is called."""

    id: str
    name: str  # cut so that it fits
    lane: str
    title: str
    x: int
    y: int
    anchor: str  # empty where the page shows it nowhere else


@dataclass(frozen=True)
class Graph:
    """Items and what they wait for; `edges` are paths as SVG draws them, and whether each is still waited on."""

    width: int
    height: int
    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, bool], ...]
    table: Table
    note: str = ""


@dataclass(frozen=True)
class FeatureRow:
    """A feature of a milestone, and where its item is."""

    id: str
    title: str
    word: str
    anchor: str = ""


@dataclass(frozen=True)
class MilestonePanel:
    """One milestone: `over`, `now` or `to come`."""

    id: str
    title: str
    word: str
    features: tuple[FeatureRow, ...]


@dataclass(frozen=True)
class AssertionLine:
    """One assertion, what was found of it last, and the files that show it."""

    id: str
    text: str
    state: str
    judged: str
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class MissionPanel:
    """One mission."""

    id: str
    anchor: str
    title: str
    word: str
    note: str
    goal: str
    passed: int
    total: int
    progress: str  # in half a line; empty where it has no plan that can be read
    milestones: tuple[MilestonePanel, ...]
    assertions: tuple[AssertionLine, ...]


@dataclass(frozen=True)
class Board:
    """The page."""

    name: str
    branch: str
    commit: str
    at: str  # a time
    live: bool  # whether it is of now, with what this machine knows besides the commits
    without_links: str  # why there is no link to any file; empty where there are
    alarms: tuple[str, ...]
    tiles: tuple[Tile, ...]
    columns: tuple[Column, ...]
    charts: tuple[Chart, ...]
    graph: Graph | None
    missions: tuple[MissionPanel, ...]
    ended: tuple[EndedRow, ...]
    ended_note: str
