"""Grown journals: which lines came between two commits of a branch, and the spans that these have ended."""

from collections.abc import Container, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from factory.line.snapshot import SnapshotReader
from factory.model.errors import FactoryError, InvalidFile
from factory.model.journal import Entry
from factory.model.journal_lines import read
from factory.model.layout import ARTIFACTS, parse
from factory.model.places import JournalFile
from factory.model.policy import Policy
from factory.report.trace import Span, contract_of, spans_of
from factory.store.repository.objects import TreeEntry
from factory.store.repository.trees import diff


@dataclass(frozen=True)
class Grown:
    """An item whose journal has new lines."""

    item_id: str
    entries: tuple[Entry, ...]  # all of them
    known: int  # how many of these were there before


def grown(reader: SnapshotReader, old: str, new: str) -> Iterator[Grown]:
    """The items whose journals have grown from one commit to another; those that nobody can read are left out."""
    objects = reader.repository.objects
    before, after = (objects.commit(commit).tree for commit in (old, new))
    others = (objects.tree(before).keys() | objects.tree(after).keys()) - {ARTIFACTS}
    was, now = dict[str, TreeEntry](), dict[str, tuple[str, TreeEntry]]()
    for change in diff(objects, before, after, without=others):
        place = parse(change.path)
        if isinstance(place, JournalFile):
            was |= {place.item_id: change.old} if change.old else {}
            now |= {place.item_id: (change.path, change.new)} if change.new else {}
    for item_id, (path, entry) in now.items():
        with suppress(InvalidFile):
            known = objects.regular(path, was[item_id]).count(b"\n") if item_id in was else 0
            entries = read(objects.regular(path, entry), path).entries
            if len(entries) > known:
                yield Grown(item_id, entries, known)


def ended_spans(reader: SnapshotReader, old: str, new: str, mine: Container[tuple[str, int]] | None) -> Iterator[Span]:
    """The spans that ended with the lines that came between two commits; of all of them, or of `mine` alone."""
    tree = reader.repository.objects.commit(new).tree
    policy = _policy(reader, tree)
    for each in grown(reader, old, new):
        numbers = range(each.known + 1, len(each.entries) + 1)
        lines = {number for number in numbers if mine is None or (each.item_id, number) in mine}
        if lines:
            contract = contract_of(reader, tree, policy, each.item_id) if policy else None
            yield from _of_item(each, contract, lines)


def _of_item(item: Grown, contract: str | None, lines: Container[int]) -> Iterator[Span]:
    """Each of its spans says which item it is of, since nobody who gets one need have the others."""
    own = {"factory.item.id": item.item_id, **({"factory.contract": contract} if contract else {})}
    for span in spans_of(item.item_id, item.entries, contract):
        if span.seq in lines:
            yield replace(span, attributes={**own, **span.attributes})


def _policy(reader: SnapshotReader, tree: str) -> Policy | None:
    """What routes an item to a contract; nothing where it cannot be read."""
    try:
        return reader.library.workflow(tree, reader.branch).policy
    except FactoryError:
        return None
