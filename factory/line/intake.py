"""Intake: what people wrote under queue/, taken from the working tree and committed as theirs."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pydantic import JsonValue

from factory.line.ledger import Ledger
from factory.line.review import read_verdict
from factory.line.survey import Survey, Surveyor
from factory.model.contract import Contract
from factory.model.errors import InvalidFile, Problem
from factory.model.item import Item, id_problem, slug
from factory.model.lifecycle import Lane
from factory.model.verdict import Decision
from factory.store import files, yaml
from factory.store.queue import NOT_AN_ITEM, VERDICT, lane_path, read_item
from factory.store.repository.objects import name_of
from factory.store.repository.view import View

SETTLE_S = 0.05
_OPEN = frozenset({lane.value for lane in Lane} - {"done"})


@dataclass
class Edits:
    """What a person changed in one working tree and has not committed."""

    changed: dict[str, bytes] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def problem(self, path: str, message: str) -> None:
        """Note something that cannot be taken in."""
        self.problems.append(Problem(path, 1, 1, message))


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
        home = self._repository.view_of(self._surveyor.branch)
        for view in [home] if home else self._repository.views():
            edits = self._read(view, survey, at_home=home is not None)
            taken = dict(self._valid(edits, survey))
            if taken:
                names = ", ".join(sorted(taken)[:3]) + (f" and {len(taken) - 3} more" if len(taken) > 3 else "")
                self._ledger.take_in(self._repository.user(), taken, f"factory: take in {names}")
            problems.extend(edits.problems)
        self._ledger.publish()
        return problems

    def _read(self, view: View, survey: Survey, at_home: bool) -> Edits:
        edits = Edits()
        objects = self._repository.objects
        own = self._repository.head(view.branch()) if view.branch() else None
        base = survey.tree if at_home or own is None else objects.commit(own).tree
        listed = view.edits()
        self._settle([view.root / path for _, path in listed])
        for letters, path in listed:
            was, now = objects.find(base, path), objects.find(survey.tree, path)
            # In another branch's working tree only what rests on the same content is an edit of this branch.
            if was != now:
                continue
            data = files.read_regular(view.root / path)
            if data is not None and (now is None or now.oid != name_of("blob", data)):
                edits.changed[path] = data
            elif "D" in letters and not (view.root / path).exists() and was is not None:
                edits.gone.add(path)
            elif data is None and (view.root / path).exists():
                edits.problem(path, "is not a plain file; put the file itself there")
        return edits

    def _settle(self, paths: list[Path]) -> None:
        """Wait until no file is younger than the time an editor needs to write it."""
        newest = max((path.lstat().st_mtime for path in paths if path.exists()), default=0.0)
        wait = SETTLE_S - (time.time() - newest)
        if 0 < wait <= SETTLE_S:
            self._sleep(wait)

    def _valid(self, edits: Edits, survey: Survey) -> Iterator[tuple[str, bytes | None]]:
        for path, data in sorted(edits.changed.items()):
            try:
                yield from self._judge(path, data, edits, survey)
            except InvalidFile as error:
                edits.problems.extend(error.problems)
        lanes = [path for path in sorted(edits.gone) if path.startswith("queue/")]
        for path in lanes:
            item_id = PurePosixPath(path).name.removesuffix(".yaml")
            if path.endswith(".jsonl") or path.endswith(VERDICT) or PurePosixPath(path).name.startswith("."):
                continue
            if item_id in survey.cases:
                edits.problem(
                    path, f"was deleted; git checkout -- {path} brings it back, factory cancel {item_id} ends it"
                )

    def _judge(self, path: str, data: bytes, edits: Edits, survey: Survey) -> Iterator[tuple[str, bytes | None]]:
        """What is to be committed for one changed file. Raises InvalidFile."""
        parts = PurePosixPath(path).parts
        if parts[0] != "queue":
            yield from self._policy_file(path, data, edits, survey)
        elif path.endswith(VERDICT):
            if self._repository.objects.find(survey.tree, path) is None:
                edits.problem(path, "judges nothing that is in review; the factory writes these files itself")
            elif read_verdict(path, data).decision is not Decision.PENDING:
                yield path, data
        elif parts[-1].startswith(".") or parts[-1] == "README.md":
            return
        elif path.endswith(".jsonl") and len(parts) == 3 and parts[1] == Lane.INBOX:
            yield path, data
        elif not path.endswith(".yaml"):
            edits.problem(path, NOT_AN_ITEM)
        else:
            yield from self._item(path, data, edits, survey)

    def _policy_file(self, path: str, data: bytes, edits: Edits, survey: Survey) -> Iterator[tuple[str, bytes | None]]:
        """A new contract counts at once; a change of one that is committed counts when it is committed."""
        if self._repository.objects.find(survey.tree, path) is not None:
            edits.problem(path, f"has uncommitted changes; the committed one is in force until you git commit {path}")
        elif path.startswith("contracts/") and path.endswith(".yaml") and path.count("/") == 1:
            yaml.load(Contract, yaml.Source(path, data))
            yield path, data
        elif path.startswith("contracts/"):
            yield path, data

    def _item(self, path: str, data: bytes, edits: Edits, survey: Survey) -> Iterator[tuple[str, bytes | None]]:
        parts = PurePosixPath(path).parts
        item_id = parts[-1].removesuffix(".yaml").lower()
        if problem := id_problem(item_id):
            edits.problem(path, problem)
            return
        item = read_item(path, data)
        self._surveyor.queue.remember(name_of("blob", data), item)
        placed = survey.snapshot.items.get(item_id)
        if placed is not None and placed.path == path:
            yield path, data
        elif placed is not None and placed.path in edits.gone:
            edits.gone.discard(placed.path)
            yield placed.path, None
            yield path, data
        elif placed is not None or self._surveyor.queue.done_day(survey.tree, item_id):
            where = placed.path if placed else "queue/done"
            if placed is None or placed.blob != name_of("blob", data):
                edits.problem(path, f"the id {item_id!r} is taken by {where}; rename the file")
        elif parts[1] != Lane.INBOX or len(parts) != 3:
            edits.problem(path, "is new, and new items begin in queue/inbox")
        else:
            yield path, data

    def split_batches(self, survey: Survey) -> list[Problem]:
        """Make an item of every good line of every committed batch; what was wrong with the others."""
        problems: list[Problem] = []
        for batch in survey.snapshot.batches:
            lines = self._repository.objects.blob(batch.blob).split(b"\n")
            taken: dict[str, bytes | None] = {}
            bad: list[Problem] = []
            for number, line in enumerate(lines, 1):
                if line.strip():
                    self._line(yaml.Source(batch.path, line, number - 1), taken, bad, survey)
            problems.extend(bad)
            made = len(taken)
            if not bad:
                taken[batch.path] = None
            if taken:
                author = self._repository.last_author(survey.head, batch.path) or self._repository.user()
                self._ledger.take_in(author, taken, f"factory: take in {made} items of {batch.path}")
        self._ledger.publish()
        return problems

    def _line(self, source: yaml.Source, taken: dict[str, bytes | None], bad: list[Problem], survey: Survey) -> None:
        try:
            item_id, data = _split_line(source)
        except InvalidFile as error:
            bad.extend(error.problems)
            return
        path = lane_path(Lane.INBOX, item_id)
        blob = name_of("blob", data)
        placed = survey.snapshot.items.get(item_id)
        day = None if placed else self._surveyor.queue.done_day(survey.tree, item_id)
        if path in taken or (placed and placed.blob != blob):
            bad.append(source.problem(0, 0, f'the id {item_id!r} is taken; give the line another "id"'))
        elif placed is None and day is None:
            self._surveyor.queue.remember(blob, yaml.load(Item, yaml.Source(path, data)))
            taken[path] = data


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
