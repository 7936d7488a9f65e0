"""Intake: people's edits committed as theirs, and batches made into items."""

import json
import time
from collections.abc import Callable

from pydantic import JsonValue

from factory.line.desk import look
from factory.line.ledger import Ledger
from factory.line.survey import Survey, Surveyor
from factory.model.errors import InvalidFile, Problem
from factory.model.item import Item, id_problem, slug
from factory.model.lifecycle import Lane
from factory.store import yaml
from factory.store.queue import Placed, lane_path
from factory.store.repository.objects import name_of


class Intake:
    """Takes people's edits in, once they have settled and say something valid."""

    def __init__(self, surveyor: Surveyor, ledger: Ledger, sleep: Callable[[float], None] = time.sleep) -> None:
        self._surveyor = surveyor
        self._repository = surveyor.repository
        self._ledger = ledger
        self._sleep = sleep

    def take(self, survey: Survey) -> list[Problem]:
        """Commit every valid edit as the person's; what was wrong with the others."""
        problems: list[Problem] = []
        for edits in look(self._surveyor, survey, self._sleep):
            if edits.valid:
                names = sorted(edits.valid)
                shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
                self._ledger.take_in(self._repository.user(), edits.valid, f"factory: take in {shown}")
            problems.extend(edits.problems)
        self._ledger.publish()
        return problems

    def split_batches(self, survey: Survey) -> list[Problem]:
        """Make an item of every good line of every committed batch; what was wrong with the others."""
        problems: list[Problem] = []
        for batch in survey.snapshot.batches:
            taken: dict[str, bytes | None] = {}
            bad: list[Problem] = []
            seen: set[str] = set()
            for number, line in enumerate(self._repository.objects.blob(batch.blob).split(b"\n")):
                if line.strip():
                    try:
                        self._take_line(batch, yaml.Source(batch.path, line, number), taken, seen, survey)
                    except InvalidFile as error:
                        bad.extend(error.problems)
            made = len(taken)
            if not bad:
                taken[batch.path] = None
            if taken:
                author = self._repository.last_author(survey.head, batch.path) or self._repository.user()
                self._ledger.take_in(author, taken, f"factory: take in {made} items of {batch.path}")
            problems.extend(bad)
        self._ledger.publish()
        return problems

    def _take_line(
        self, batch: Placed, source: yaml.Source, taken: dict[str, bytes | None], seen: set[str], survey: Survey
    ) -> None:
        """Add one line's item to what is taken, unless it was taken before. Raises InvalidFile."""
        item_id, data = _split_line(source)
        path = lane_path(Lane.INBOX, item_id)
        known = item_id in survey.snapshot.items or self._surveyor.queue.done_day(survey.tree, item_id)
        if item_id in seen or (known and not self._came_after(path, batch.path, survey)):
            raise source.invalid(0, 0, f'the id {item_id!r} is taken; give the line another "id"')
        seen.add(item_id)
        if not known:
            self._surveyor.queue.remember(name_of("blob", data), yaml.load(Item, yaml.Source(path, data)))
            taken[path] = data

    def _came_after(self, path: str, batch: str, survey: Survey) -> bool:
        """Whether an item is no older than a batch: then it is the batch's own, made from it by an earlier pass."""
        arrivals = self._surveyor.arrivals(survey)
        return path in arrivals and batch in arrivals and arrivals[path].at >= arrivals[batch].at


def _split_line(source: yaml.Source) -> tuple[str, bytes]:
    """The id and the item file of one line of a batch. Raises InvalidFile."""
    found = yaml.parse_json(source)
    if not isinstance(found, dict):
        raise source.invalid(0, 0, 'is not a JSON object; a line is one item, like {"id": "fix-gcd", "title": "…"}')
    fields: dict[str, JsonValue] = dict(found)
    given = fields.pop("id", None)
    item = yaml.validate(Item, fields, source)
    data = source.data.strip() + b"\n"
    if given is None:
        return f"{slug(item.title)}-{name_of('blob', data)[:6]}", data
    if not isinstance(given, str) or id_problem(given.lower()):
        raise source.invalid(0, 0, id_problem(str(given).lower()) or f"id: should be a text; found {given!r}")
    return given.lower(), json.dumps(fields, ensure_ascii=False).encode() + b"\n"


def batch_problems(path: str, data: bytes) -> list[Problem]:
    """What is wrong with the lines of a batch, whatever the queue holds."""
    problems: list[Problem] = []
    seen: set[str] = set()
    for number, line in enumerate(data.split(b"\n")):
        if line.strip():
            source = yaml.Source(path, line, number)
            try:
                item_id, _ = _split_line(source)
            except InvalidFile as error:
                problems.extend(error.problems)
                continue
            if item_id in seen:
                problems.append(source.problem(0, 0, f"the id {item_id!r} stands in this file twice"))
            seen.add(item_id)
    return problems
