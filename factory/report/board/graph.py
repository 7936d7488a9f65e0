"""The graph of declared dependencies: open items and what they wait for, in layers from left to right."""

from collections.abc import Mapping, Sequence
from itertools import islice

from factory.model.lifecycle import Lane
from factory.report.board.values import Graph, Node, Table
from factory.report.board.words import line
from factory.report.fold.facts import ItemFacts
from factory.report.fold.fold import Fold

MOST_NODES = 120
_WIDE, _HIGH = 168, 30  # of a node
_APART, _BELOW, _MARGIN = 56, 12, 8
_LONGEST_NAME = 22  # characters
_PASSES = 4  # in which the nodes of a layer are put into order


def graph_of(fold: Fold, anchors: Mapping[str, str]) -> Graph | None:
    """The items that wait for others or are waited for, as far as they are open; None where none does."""
    edges = [(needed, item.id) for item in fold.open for needed in dict.fromkeys(item.depends_on)]
    if not edges:
        return None
    names = list(dict.fromkeys(name for edge in edges for name in edge))
    shown = set(islice(names, MOST_NODES))
    drawn = [edge for edge in edges if set(edge) <= shown]
    known = {name: fold.get(name) for name in names}
    left = f"{MOST_NODES} of {len(names)} items are drawn; the table has them all." if len(names) > MOST_NODES else ""
    places = _places(_layers([name for name in names if name in shown], drawn), drawn)
    nodes = tuple(_node(name, known[name], *places[name], anchors.get(name, "")) for name in places)
    return Graph(
        width=max(x for x, _ in places.values()) + _WIDE + _MARGIN,
        height=max(y for _, y in places.values()) + _HIGH + _MARGIN,
        nodes=nodes,
        edges=tuple((_path(places[one], places[other]), _waits(known[one])) for one, other in drawn),
        table=Table(
            ("item", "waits for", "which is"),
            tuple((line(other, 90), line(one, 90), _word(known[one])) for one, other in edges[:500]),
            note=f"The first 500 of {len(edges)}." if len(edges) > 500 else "",
        ),
        note=left,
    )


def _layers(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Every node behind all that it needs; those in a circle, and behind one, come first."""
    needed: dict[str, list[str]] = {name: [] for name in names}
    for one, other in edges:
        needed[other].append(one)
    depth = dict.fromkeys(names, 0)
    left = list(names)
    while ready := [each for each in left if not {*needed[each]} & {*left}]:
        depth.update({each: max((depth[one] + 1 for one in needed[each]), default=0) for each in ready})
        left = [each for each in left if each not in ready]
    layers: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for name in names:
        layers[depth[name]].append(name)
    return layers


def _places(layers: list[list[str]], edges: Sequence[tuple[str, str]]) -> dict[str, tuple[int, int]]:
    """Where each node is drawn: near those that it is joined with, so that few lines cross."""
    joined: dict[str, list[str]] = {name: [] for layer in layers for name in layer}
    for one, other in edges:
        joined[one].append(other)
        joined[other].append(one)
    for _ in range(_PASSES):
        row = {name: number for layer in layers for number, name in enumerate(layer)}
        for layer in layers:
            layer.sort(key=lambda name: sum(row[each] for each in joined[name]) / (len(joined[name]) or 1))
    tallest = max(map(len, layers))
    return {
        name: (
            _MARGIN + column * (_WIDE + _APART),
            _MARGIN + (number * (_HIGH + _BELOW)) + (tallest - len(layer)) * (_HIGH + _BELOW) // 2,
        )
        for column, layer in enumerate(layers)
        for number, name in enumerate(layer)
    }


def _path(one: tuple[int, int], other: tuple[int, int]) -> str:
    (x1, y1), (x2, y2) = (one[0] + _WIDE, one[1] + _HIGH // 2), (other[0], other[1] + _HIGH // 2)
    bend = max(24, abs(x2 - x1) // 2)
    return f"M{x1} {y1} C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"


def _node(name: str, item: ItemFacts | None, x: int, y: int, anchor: str) -> Node:
    lane = str(item.lane) if item else "gone"
    title = f"{line(name, 90)}: {_word(item)}" + (f", {line(item.title, 120)}" if item and item.title else "")
    return Node(line(name, 90), line(name, _LONGEST_NAME), lane, title, x, y, anchor)


def _waits(item: ItemFacts | None) -> bool:
    """Whether somebody still waits for it."""
    return item is None or not item.landed


def _word(item: ItemFacts | None) -> str:
    if item is None:
        return "not there"
    return str(item.outcome or item.lane) if item.lane is Lane.DONE else str(item.lane)
