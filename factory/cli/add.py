"""`factory add`: an item as a file in the inbox."""

import json
import shlex
import sys
from collections.abc import Mapping
from functools import partial

import click
from pydantic import JsonValue

from factory.cli.session import json_option, reading
from factory.cli.text import echo_json, encoded
from factory.line.person.editing import queue_checkout
from factory.line.policy_problems import no_contract
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import InvalidFile, UsageError
from factory.model.item import Item, slug
from factory.model.layout import contract_path, item_path
from factory.model.lifecycle import Lane
from factory.model.text import printable
from factory.store import files, yaml
from factory.store.mission_needs import missing_for_mission
from factory.store.repository.view import View


def _inputs(_context: click.Context, _option: click.Parameter, pairs: tuple[str, ...]) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"--input {pair!r} is not of the form key=value")
        found[key] = value
    return found


def _criteria(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> list[JsonValue]:
    return [_criterion(number, text) for number, text in enumerate(texts, 1)]


def _criterion(number: int, given: str) -> JsonValue:
    text, arrow, command = given.partition(" => ")
    try:
        check = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--acceptance {given!r}: the command cannot be read ({error})") from None
    if arrow and not check:
        raise UsageError(f"--acceptance {given!r} names no command after ' => '")
    return {"id": f"A{number}", "text": text.strip(), **({"check": [*check]} if check else {})}


def _tell_checks(criteria: JsonValue) -> None:
    """Say what will be run: where quotes were lost, one sees it here."""
    for criterion in criteria if isinstance(criteria, list) else ():
        if isinstance(criterion, dict) and "check" in criterion:
            argv = json.dumps(criterion["check"], ensure_ascii=False)
            click.echo(printable(f"{criterion['id']} runs {argv}"), err=True)


def described(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    """What an option says, or standard input where it is '-'."""
    try:
        return sys.stdin.read() if text == "-" else text
    except UnicodeDecodeError:
        raise UsageError("what stands on standard input is not UTF-8 text") from None


def listed(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> list[str]:
    """What an option that may be given several times says."""
    return [*texts]


MANY = "May be given several times."


@click.command("add")
@click.argument("title")
@click.option("--contract", help="The contract; else WORKFLOW.md's routes decide.")
@click.option("--priority", type=click.IntRange(1, 4), help="1 is the most urgent.")
@click.option("--label", "labels", multiple=True, callback=listed, help=MANY)
@click.option("--input", "inputs", multiple=True, callback=_inputs, metavar="KEY=VALUE", help=MANY)
@click.option("--depends-on", "depends_on", multiple=True, callback=listed, metavar="ID", help=MANY)
@click.option("--scope", multiple=True, callback=listed, metavar="PATH", help=f"A pattern of paths. {MANY}")
@click.option("--description", callback=described, help="Markdown for the worker; '-' reads it from standard input.")
@click.option(
    "--acceptance",
    multiple=True,
    callback=_criteria,
    metavar="TEXT[ => COMMAND]",
    help="What done means, and the command that proves it: split as a shell splits words, so that quotes it needs "
    f"must be quoted, and run without a shell. {MANY}",
)
@json_option
def add_command(title: str, as_json: bool, **given: JsonValue) -> None:
    """Write an item into the inbox and print its path. The next tick takes it in."""
    item_id, path = file_item({"title": title, **given})
    if as_json:
        echo_json({"id": item_id, "path": path})
    else:
        click.echo(path)
        _tell_checks(given["acceptance"])


def _warn(reader: SnapshotReader, snapshot: Snapshot, view: View, item: Item) -> None:
    """Say what an item names and is not there: it would wait for that."""
    if item.contract and not (view.root / contract_path(item.contract)).is_file():
        click.echo(f"warning: {no_contract(item.contract)}", err=True)
    for needed in item.depends_on:
        known = needed in snapshot.items or reader.queue.done_day(snapshot.tree, needed)
        if not known and not (view.root / item_path(Lane.INBOX, needed)).is_file():
            click.echo(f"warning: there is no item {needed!r}, for which it is to wait", err=True)


def file_item(given: Mapping[str, JsonValue]) -> tuple[str, str]:
    """Write an item of these keys, those left out that say nothing; its id and path. Raises UsageError."""
    fields = {key: value for key, value in given.items() if value not in (None, [], {})}
    with reading() as (reader, snapshot):
        view = queue_checkout(reader)
        count, limit = len(snapshot.in_lane(Lane.INBOX)), snapshot.policy.limits.inbox
        if count >= limit:
            raise UsageError(f"the inbox is full ({count} of {limit})", "factory tick")
        data = encoded("".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in fields.items()))
        try:
            item = yaml.load(Item, yaml.Source("the item", data))
        except InvalidFile as error:
            raise UsageError("; ".join(problem.message for problem in error.problems), "factory add --help") from None
        base = slug(str(fields["title"]))
        for number in range(1, 1000):
            item_id = base if number == 1 else f"{base}-{number}"
            path = item_path(Lane.INBOX, item_id)
            taken = item_id in snapshot.items or reader.queue.done_day(snapshot.tree, item_id)
            if not taken and files.write_new(view.root / path, data):
                _warn(reader, snapshot, view, item)
                _warn_of_mission(reader, snapshot, item_id, item)
                return item_id, path
        raise UsageError(f"there are too many items called {base!r}")


def _warn_of_mission(reader: SnapshotReader, snapshot: Snapshot, item_id: str, item: Item) -> None:
    """Say what a mission will lack, long before its features are done and it is asked for."""
    name = snapshot.policy.contract_of(item)
    try:
        contract = reader.library.contract(snapshot.tree, name) if name else None
    except InvalidFile:
        return  # `factory check` tells of it
    if contract is None or not contract.produces.plan:
        return
    data = partial(reader.library.contract_bytes, snapshot.tree)
    for problem in missing_for_mission(item_id, item, None, snapshot.policy, data):
        click.echo(f"warning: {printable(str(problem))}", err=True)
