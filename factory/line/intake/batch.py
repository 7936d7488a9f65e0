"""Batches: items that a person gives as the lines of one file, a JSON object each."""

import json
from collections.abc import Iterator

from pydantic import JsonValue

from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import InvalidFile, Problem
from factory.model.item import Item, id_problem, slug
from factory.model.layout import item_path
from factory.model.lifecycle import Lane
from factory.store import yaml
from factory.store.repository.objects import name_of


def split_line(source: yaml.Source) -> tuple[str, bytes]:
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
    for source in lines_of(path, data):
        try:
            item_id, _ = split_line(source)
        except InvalidFile as error:
            problems.extend(error.problems)
            continue
        if item_id in seen:
            problems.append(source.problem(0, 0, f"the id {item_id!r} stands in this file twice"))
        seen.add(item_id)
    return problems


def new_items(
    reader: SnapshotReader, snapshot: Snapshot, path: str, data: bytes
) -> tuple[dict[str, bytes], list[Problem]]:
    """The item files, by path, that the lines of a batch bring and no pass has taken; what is wrong with the others."""
    made: dict[str, bytes] = {}
    problems: list[Problem] = []
    seen: set[str] = set()
    for source in lines_of(path, data):
        try:
            item_id, item = split_line(source)
        except InvalidFile as error:
            problems.extend(error.problems)
            continue
        known = reader.whereabouts(snapshot, item_id)
        made_of_it = known and reader.arrived_with(snapshot, item_id) == name_of("blob", item)
        if item_id in seen or (known and not made_of_it):
            problems.append(source.problem(0, 0, f'the id {item_id!r} is taken; give the line another "id"'))
            continue
        seen.add(item_id)
        if not known:
            made[item_path(Lane.INBOX, item_id)] = item
    return made, problems


def good_lines(path: str, data: bytes) -> Iterator[tuple[yaml.Source, Item]]:
    """Each line of a batch that is an item, and the item that it makes."""
    for source in lines_of(path, data):
        try:
            _, made = split_line(source)
            yield source, yaml.load(Item, yaml.Source(path, made))
        except InvalidFile:
            continue  # whoever splits it says what is wrong


def lines_of(path: str, data: bytes) -> Iterator[yaml.Source]:
    """The lines of a batch that say anything, each with its number."""
    for number, line in enumerate(data.split(b"\n")):
        if line.strip():
            yield yaml.Source(path, line, number)
