"""`factory mission`: a goal that is carried out by many items, from its filing to the report of it."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from pydantic import JsonValue

from factory.cli.add import MANY, described, file_item, listed
from factory.cli.ids import OPEN, item_argument
from factory.cli.mission_text import print_assertions, print_mission, print_missions
from factory.cli.program import InOrder
from factory.cli.session import editing, json_option, reading
from factory.cli.text import echo_json
from factory.line.person.editing import no_such_item
from factory.line.person.levers import pause, resume
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import InvalidFile, UsageError
from factory.model.layout import contract_path
from factory.model.lifecycle import Lane
from factory.model.text import printable
from factory.report.mission_json import assertions_json, mission_json
from factory.report.mission_report import report_path, report_text
from factory.report.mission_views import MissionView, assertion_rows, mission_of, missions

_MISSION = "mission"  # the contract of whoever plans, unless another one is named


@click.group("mission", cls=InOrder)
def mission_command() -> None:
    """File missions, look at them, and let them wait or go on."""


@mission_command.command("new")
@click.argument("title")
@click.option("--contract", default=_MISSION, show_default=True, help="The contract of whoever plans.")
@click.option("--priority", type=click.IntRange(1, 4), help="1 is the most urgent.")
@click.option("--label", "labels", multiple=True, callback=listed, help=MANY)
@click.option("--description", callback=described, help="What is wanted, in Markdown; '-' reads standard input.")
@json_option
def new_command(title: str, contract: str, as_json: bool, **given: JsonValue) -> None:
    """Write a mission into the inbox and print its path. Its plan comes before you; nothing is built before."""
    with reading() as (reader, snapshot):
        _plans(reader, snapshot, contract)
    item_id, path = file_item({"title": title, "contract": contract, **given})
    if as_json:
        echo_json({"id": item_id, "path": path})
    else:
        click.echo(path)


@mission_command.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that have ended, too.")
@json_option
def list_command(everything: bool, as_json: bool) -> None:
    """List missions: how far each is, and what it has used."""
    with reading() as (reader, snapshot):
        found = list(missions(reader, snapshot, ended=everything))
    if as_json:
        echo_json([each.as_json() for each in found])
    else:
        print_missions(found, snapshot.now)


@mission_command.command("show")
@item_argument(*OPEN, Lane.DONE)
@json_option
def show_command(item_id: str, as_json: bool) -> None:
    """Show a mission with its milestones, the items of each, and what is open."""
    with _looking(item_id) as (reader, snapshot, view):
        path = report_path(reader, snapshot, view)
        if as_json:
            echo_json({**mission_json(snapshot, view), "report": path or None})
        else:
            print_mission(snapshot, view, path)


@mission_command.command("assertions")
@item_argument(*OPEN, Lane.DONE)
@json_option
def assertions_command(item_id: str, as_json: bool) -> None:
    """Show what is known of each assertion: by whom, on which commit, and where the evidence lies."""
    with _looking(item_id) as (reader, snapshot, view):
        rows = assertion_rows(reader, snapshot, view)
    if as_json:
        echo_json(assertions_json(rows))
    else:
        print_assertions(rows)


@mission_command.command("pause")
@item_argument(Lane.ACTIVE)
def pause_command(item_id: str) -> None:
    """Let a mission wait: nothing new is begun for it. What is at work ends, and waits."""
    with editing() as desk:
        said = pause(desk, item_id)
    click.echo(said)


@mission_command.command("resume")
@item_argument(Lane.BLOCKED)
def resume_command(item_id: str) -> None:
    """Let a paused mission go on. What it asks is asked again unless it is answered, or its plan says otherwise now."""
    with editing() as desk:
        said = resume(desk, item_id)
    click.echo(said)


@mission_command.command("report")
@item_argument(*OPEN, Lane.DONE)
@json_option
def report_command(item_id: str, as_json: bool) -> None:
    """Print the report of a mission, in Markdown: as it came with its end (`--json` says where it lies), or so far."""
    with _looking(item_id) as (reader, snapshot, view):
        text, path = report_text(reader, snapshot, view), report_path(reader, snapshot, view)
    if as_json:
        echo_json({"id": item_id, "path": path or None, "report": text})
    else:
        click.echo(printable(text), nl=False)


@contextmanager
def _looking(mission: str) -> Iterator[tuple[SnapshotReader, Snapshot, MissionView]]:
    """A mission as it is now. Raises UsageError when there is none of this id."""
    with reading() as (reader, snapshot):
        view = mission_of(reader, snapshot, mission)
        if view is None and mission in snapshot.items:
            raise UsageError(f"{mission} is no mission", f"factory show {mission}")
        if view is None:
            raise no_such_item(reader, snapshot, mission)
        yield reader, snapshot, view


def _plans(reader: SnapshotReader, snapshot: Snapshot, name: str) -> None:
    """Do nothing where a contract is one for plans. Raises UsageError for any other."""
    try:
        contract = reader.library.contract(snapshot.tree, name)
    except InvalidFile as error:
        raise UsageError(str(error.problems[0]), "factory check") from None
    if contract is None:
        raise UsageError(f"there is no {contract_path(name)}", "factory init --missions")
    if not contract.produces.plan:
        raise UsageError(
            f"{contract_path(name)} is for no missions: it lacks produces: {{plan: true}}", "factory check"
        )
