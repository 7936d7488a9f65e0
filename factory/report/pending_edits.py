"""Pending edits: what people have written in a working tree, and the next pass takes in."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from factory.line.intake.batch import new_items
from factory.line.intake.edits import Edits
from factory.line.review.votes import read_verdict
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import InvalidFile, Problem
from factory.model.layout import in_queue, is_batch, parse
from factory.model.lifecycle import Lane
from factory.model.places import ItemFile, OpenAnswers, OpenVerdict
from factory.model.text import counted
from factory.report.status_row import Row
from factory.store.queue import MOST_BYTES, read_item
from factory.store.repository.objects import FILE, TreeEntry

_NEXT = "with the next pass"


@dataclass
class Noted:
    """What the next pass takes in: for open items what is said of them, and what comes new."""

    of_items: dict[str, str] = field(default_factory=dict)
    new: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)  # of the lines of batches


def noted(reader: SnapshotReader, snapshot: Snapshot, edits: Iterable[Edits]) -> Noted:
    """Everything that is valid and waits for the next pass, committed batches included."""
    edits = list(edits)
    found = Noted()
    for each in edits:
        for path, data in each.valid.items():
            if data is not None and in_queue(path):
                _take(found, snapshot, path, data)
    for path, data in batches(reader, snapshot, edits).items():
        made, problems = new_items(reader, snapshot, path, data)
        found.problems.extend(problems)
        if made:
            found.new.append(_new(PurePosixPath(path).name, f"a batch of {counted(len(made), 'item')}"))
    return found


def batches(reader: SnapshotReader, snapshot: Snapshot, edits: Iterable[Edits]) -> dict[str, bytes]:
    """What every batch says, as the next pass finds it."""
    written = {path: data for each in edits for path, data in each.valid.items() if is_batch(path)}
    found = {path: data for path, data in written.items() if data is not None}
    for batch in snapshot.listing.batches:
        entry = TreeEntry(FILE, batch.blob)
        with suppress(InvalidFile):  # the pass says what is wrong with the whole file
            if batch.path not in written:
                found[batch.path] = reader.repository.objects.regular(batch.path, entry, MOST_BYTES)
    return found


def _take(found: Noted, snapshot: Snapshot, path: str, data: bytes) -> None:
    file = parse(path)
    if isinstance(file, OpenVerdict):
        found.of_items[file.item_id] = f"{read_verdict(path, data).decision} noted, {_NEXT}"
    elif isinstance(file, OpenAnswers):
        found.of_items[file.item_id] = f"answered, {_NEXT}"
    elif isinstance(file, ItemFile):
        state = snapshot.items.get(file.id)
        if state is None:
            new = read_item(path, data)
            found.new.append(_new(file.id, new.title, "and stays on hold" if new.hold else ""))
        elif state.placed.path != path:
            found.of_items[file.id] = f"its move to {PurePosixPath(path).parent} is noted, {_NEXT}"
        elif state.item is not None and state.lane is not Lane.ACTIVE:  # of an active one its run has more to say
            hold = read_item(path, data).hold
            if hold != state.item.hold:
                found.of_items[file.id] = f"hold is {'on' if hold else 'off'}, noted, {_NEXT}"


def _new(name: str, title: str, besides: str = "") -> Row:
    return Row(name, title, Lane.INBOX, "new", None, ", ".join(filter(None, (f"is taken in {_NEXT}", besides))))
