"""`factory add`: an item as a file in the inbox."""

import json
import sys

import click
from pydantic import JsonValue

from factory.cli.session import desk, surveyed
from factory.cli.text import encoded
from factory.model.errors import InvalidFile, UsageError
from factory.model.item import Item, slug
from factory.model.lifecycle import Lane
from factory.store import files, yaml
from factory.store.queue import lane_path


def _inputs(pairs: tuple[str, ...]) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"--input {pair!r} is not of the form key=value")
        found[key] = value
    return found


def _read_all() -> str:
    try:
        return sys.stdin.read()
    except UnicodeDecodeError:
        raise UsageError("what stands on standard input is not UTF-8 text") from None


@click.command("add")
@click.argument("title")
@click.option("--contract", help="The contract; else WORKFLOW.md's routes decide.")
@click.option("--priority", type=click.IntRange(1, 4), help="1 is the most urgent.")
@click.option("--label", "labels", multiple=True, help="May be given several times.")
@click.option("--input", "inputs", multiple=True, metavar="KEY=VALUE", help="May be given several times.")
@click.option("--depends-on", "depends_on", multiple=True, metavar="ID", help="May be given several times.")
@click.option("--description", help="Markdown for the worker; '-' reads it from standard input.")
def add_command(
    title: str,
    contract: str | None,
    priority: int | None,
    labels: tuple[str, ...],
    inputs: tuple[str, ...],
    depends_on: tuple[str, ...],
    description: str | None,
) -> None:
    """Write an item into the inbox and print its path. The next tick takes it in."""
    given: dict[str, JsonValue] = {
        "title": title,
        "contract": contract,
        "description": _read_all() if description == "-" else description,
        "priority": priority,
        "labels": list(labels),
        "depends_on": list(depends_on),
        "inputs": _inputs(inputs),
    }
    fields = {key: value for key, value in given.items() if value not in (None, [], {})}
    with surveyed() as (surveyor, survey):
        view = desk(surveyor)
        held, limit = len(survey.in_lane(Lane.INBOX)), survey.policy.limits.inbox
        if held >= limit:
            raise UsageError(f"the inbox is full ({held} of {limit})", "factory tick")
        data = encoded("".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in fields.items()))
        try:
            yaml.load(Item, yaml.Source("the item", data))
        except InvalidFile as error:
            raise UsageError("; ".join(problem.message for problem in error.problems), "factory add --help") from None
        base = slug(title)
        for number in range(1, 1000):
            item_id = base if number == 1 else f"{base}-{number}"
            path = lane_path(Lane.INBOX, item_id)
            taken = item_id in survey.cases or surveyor.queue.done_day(survey.tree, item_id)
            if not taken and files.write_new(view.root / path, data):
                click.echo(path)
                return
        raise UsageError(f"there are too many items called {base!r}")
