"""Links between items: those that they declare, and those that their patches and journals show. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from factory.model.journal import History
from factory.report.graph.patch import Touched


class LinkKind(StrEnum):
    """How one item has to do with another."""

    DEPENDS_ON = "depends-on"  # as its file says
    SAME_FILES = "same-files"  # its patch touched files that the other one's had touched last
    REWORKED = "reworked"  # its patch took lines away that the other one's had brought
    CONFLICTED = "conflicted"  # its proposal did not merge with the other one's


@dataclass(frozen=True)
class Link:
    """One item, the later one, and another that it has to do with."""

    kind: LinkKind
    item: str
    other: str
    paths: tuple[str, ...] = ()  # in which they meet

    def as_json(self) -> dict[str, object]:
        """The link for programs."""
        return {"kind": str(self.kind), "item": self.item, "other": self.other, "paths": list(self.paths)}


@dataclass(frozen=True)
class Work:
    """What is known of an item's work."""

    id: str
    depends_on: tuple[str, ...] = ()
    touched: Touched = field(default_factory=Touched)
    history: History = field(default_factory=History)


def links(works: Iterable[Work]) -> Iterator[Link]:
    """The links between items, which come in the order in which they were worked on.

    Of many that touched the same file each is linked to the one before it, so that their number stays that of the
    items; `crowded` names the files.
    """
    last: dict[str, str] = {}  # by path: who touched it last
    brought: dict[str, dict[bytes, str]] = defaultdict(dict)  # by path and line: who brought it
    for work in works:
        yield from (Link(LinkKind.DEPENDS_ON, work.id, needed) for needed in work.depends_on)
        yield from _conflicts(work)
        yield from _met(LinkKind.SAME_FILES, work.id, ((last.get(path), path) for path in work.touched.paths))
        taken = ((path, line) for path, lines in work.touched.removed.items() for line in lines)
        yield from _met(LinkKind.REWORKED, work.id, ((brought[path].get(line), path) for path, line in taken))
        last |= dict.fromkeys(work.touched.paths, work.id)
        for path, lines in work.touched.added.items():
            brought[path] |= dict.fromkeys(lines, work.id)


def _conflicts(work: Work) -> Iterator[Link]:
    found = [pair for entry in work.history.entries for pair in entry.conflicts_with.items()]
    yield from _met(LinkKind.CONFLICTED, work.id, ((other, path) for other, paths in found for path in paths))


def _met(kind: LinkKind, item_id: str, met: Iterable[tuple[str | None, str]]) -> Iterator[Link]:
    """A link to everybody else who was met, with all the paths where that was."""
    paths: dict[str, dict[str, None]] = defaultdict(dict)
    for other, path in met:
        if other is not None and other != item_id:
            paths[other][path] = None
    yield from (Link(kind, item_id, other, tuple(sorted(where))) for other, where in paths.items())


def crowded(works: Iterable[Work], least: int) -> Mapping[str, tuple[str, ...]]:
    """The files that at least so many items touched, with these; those of most items first."""
    by_path: dict[str, list[str]] = defaultdict(list)
    for work in works:
        for path in work.touched.paths:
            by_path[path].append(work.id)
    many = {path: tuple(ids) for path, ids in by_path.items() if len(ids) >= least}
    return dict(sorted(many.items(), key=lambda each: (-len(each[1]), each[0])))
