"""Noted: what people have written in a working tree, and the next pass takes in."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from factory.line.desk import Edits
from factory.line.review import read_verdict
from factory.line.survey import Survey
from factory.model.base import counted
from factory.model.lifecycle import Lane
from factory.report.row import Row
from factory.store.queue import QUEUE, VERDICT, read_item

_NEXT = "with the next pass"


@dataclass
class Noted:
    """What the next pass takes in: for open items what is said of them, and what comes new."""

    of_items: dict[str, str] = field(default_factory=dict)
    new: list[Row] = field(default_factory=list)


def noted(survey: Survey, edits: Iterable[Edits]) -> Noted:
    """Everything that is valid and waits for the next pass, committed batches included."""
    found = Noted()
    for each in edits:
        for path, data in each.valid.items():
            if data is not None and path.startswith(f"{QUEUE}/"):
                _take(found, survey, path, data)
    listed = {row.id for row in found.new}
    for batch in survey.snapshot.batches:
        if PurePosixPath(batch.path).name not in listed:
            found.new.append(_new(PurePosixPath(batch.path).name, "a batch of items"))
    return found


def _take(found: Noted, survey: Survey, path: str, data: bytes) -> None:
    name = PurePosixPath(path).name
    if path.endswith(VERDICT):
        item_id, _, _ = name.removesuffix(VERDICT).rpartition(".")
        found.of_items[item_id] = f"{read_verdict(path, data).decision} noted, {_NEXT}"
    elif path.endswith(".jsonl"):
        lines = sum(bool(line.strip()) for line in data.split(b"\n"))
        found.new.append(_new(name, f"a batch of {counted(lines, 'item')}"))
    elif path.endswith(".yaml"):
        item_id = name.removesuffix(".yaml").lower()
        case = survey.cases.get(item_id)
        if case is None:
            found.new.append(_new(item_id, read_item(path, data).title))
        elif case.placed.path != path:
            found.of_items[item_id] = f"its move to {PurePosixPath(path).parent} is noted, {_NEXT}"


def _new(name: str, title: str) -> Row:
    return Row(name, title, Lane.INBOX, "new", None, f"is taken in {_NEXT}")
