"""The graph of a queue and of what was finished last, gathered from a snapshot."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from factory.line.review.proposals import run_of
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.errors import InvalidFile
from factory.model.item import Item
from factory.model.journal import History
from factory.model.layout import item_path
from factory.model.lifecycle import Lane
from factory.report.finished import newest
from factory.report.graph.links import Link, Work, crowded, links
from factory.report.graph.patch import Touched, touched_by
from factory.report.graph.proposals import Planned, Proposal, in_order, proposals
from factory.report.graph.waiting import HoldUp, Waiting
from factory.report.marks.obstacle import obstacle_of
from factory.report.status import status
from factory.report.status_row import Row
from factory.report.why import what_moves

_CROWDED = 3  # items that touched a file, from which on it is named
_FURTHEST = (Lane.REVIEW, Lane.ACTIVE, Lane.REWORK, Lane.BLOCKED, Lane.INBOX)


@dataclass(frozen=True)
class Node:
    """An item of the graph."""

    id: str
    title: str
    lane: Lane
    state: str  # as the status has it; of a finished item its outcome

    def as_json(self) -> dict[str, object]:
        """The item for programs."""
        return {**self.__dict__, "lane": str(self.lane)}


@dataclass(frozen=True)
class Chain:
    """What others wait for, and what would move it."""

    hold_up: HoldUp
    moves: str  # what would move it now
    do: str  # a command for that; empty where nobody has to do anything

    def as_json(self) -> dict[str, object]:
        """The chain for programs."""
        own = self.hold_up
        ways = {"waiting": list(own.waiting), "chain": list(own.chain)}
        return {"id": own.id, **ways, "moves": self.moves, "do": self.do or None}


@dataclass(frozen=True)
class Graph:
    """Items, and how they have to do with each other."""

    nodes: tuple[Node, ...]  # the open ones, and of the finished ones those that are linked
    links: tuple[Link, ...]
    crowded: Mapping[str, tuple[str, ...]]  # by path: the items that touched it, where these are many
    proposals: tuple[Proposal, ...]
    chains: tuple[Chain, ...]  # the one that holds up most work comes first
    finished: int  # how many finished items were looked at

    def as_json(self) -> dict[str, object]:
        """The graph for programs."""
        return {
            "nodes": [node.as_json() for node in self.nodes],
            "links": [link.as_json() for link in self.links],
            "crowded": {path: list(ids) for path, ids in self.crowded.items()},
            "proposals": [proposal.as_json() for proposal in self.proposals],
            "chains": [chain.as_json() for chain in self.chains],
            "finished": self.finished,
        }


@dataclass(frozen=True)
class _Done:
    """A finished item, as far as the graph needs it."""

    node: Node
    work: Work


def graph(reader: SnapshotReader, snapshot: Snapshot, last: int) -> Graph:
    """The graph of the open items and of so many of the newest finished ones."""
    done = sorted(_finished(reader, snapshot, last), key=lambda each: (_since(each.work.history), each.node.id))
    rows = {row.id: row for row in status(reader, snapshot).rows if row.id in snapshot.items}
    states = sorted(snapshot.items.values(), key=lambda state: (_since(state.history), state.id))
    works = [*(each.work for each in done), *(_work(reader, snapshot, state) for state in states)]
    nodes = {each.node.id: each.node for each in done} | {row.id: _node(row) for row in rows.values()}
    found = tuple(link for link in links(works) if link.item in nodes and link.other in nodes)
    linked = {each for link in found for each in (link.item, link.other)}
    waiting = Waiting.of({state.id: state.item.depends_on if state.item else () for state in states})
    chains = tuple(_chain(each, rows[each.id], snapshot.items[each.id]) for each in waiting.hold_ups())
    touched = {work.id: work.touched for work in works}
    planned = in_order((_place(state), _planned(state, touched[state.id])) for state in states)
    return Graph(
        nodes=tuple(node for node in nodes.values() if node.lane is not Lane.DONE or node.id in linked),
        links=found,
        crowded=crowded(works, _CROWDED),
        proposals=proposals(planned, waiting),
        chains=chains,
        finished=len(done),
    )


def _finished(reader: SnapshotReader, snapshot: Snapshot, last: int) -> Iterator[_Done]:
    for item_id, day in newest(reader, snapshot.tree, last):
        path = item_path(Lane.DONE, item_id, day)
        entry = reader.repository.objects.find(snapshot.tree, path)
        try:
            history = reader.artifacts.history(snapshot.tree, item_id, day)
            item = reader.queue.item(path, entry.oid) if entry else None
        except InvalidFile:
            continue  # the audit tells of it
        touched = touched_by(reader.artifacts.patch(snapshot.tree, item_id, history.run, day))
        node = Node(item_id, item.title if item else "", Lane.DONE, str(history.outcome or ""))
        yield _Done(node, Work(item_id, _needs(item), touched, history))


def _work(reader: SnapshotReader, snapshot: Snapshot, state: ItemState) -> Work:
    proposal = state.history.proposal
    run = run_of(state, proposal) if proposal else None
    touched = touched_by(reader.artifacts.patch(snapshot.tree, state.id, run)) if run else Touched()
    return Work(state.id, _needs(state.item), touched, state.history)


def _needs(item: Item | None) -> tuple[str, ...]:
    return item.depends_on if item else ()


def _since(history: History) -> float:
    """Since when an item has been where it is; what has not begun comes after all others."""
    return history.since.timestamp() if history.since else float("inf")


def _node(row: Row) -> Node:
    return Node(row.id, row.title, row.lane, row.state)


def _chain(hold_up: HoldUp, row: Row, state: ItemState) -> Chain:
    moves, do = what_moves(row, obstacle_of(state))
    return Chain(hold_up, moves, do)


def _place(state: ItemState) -> tuple[int, float, str]:
    """Where an item is in the order in which items are likely to be done."""
    entries = state.history.entries
    return _FURTHEST.index(state.lane), entries[0].at.timestamp() if entries else float("inf"), state.id


def _planned(state: ItemState, touched: Touched) -> Planned:
    """An item as others may have to wait for it. Who only a person lets go on is waited for by nobody else."""
    item = state.item
    free = item is not None and not item.hold and state.lane is not Lane.BLOCKED
    waits = state.lane in (Lane.INBOX, Lane.REWORK) and item is not None and item.mission is None
    about = (*(item.scope if item else ()), *touched.paths)
    return Planned(state.id, state.placed.path, tuple(dict.fromkeys(about)), _needs(item), waits, free)
