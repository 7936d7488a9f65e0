"""`factory log`: an item's journal."""

from dataclasses import asdict

import click

from factory.cli.ids import OPEN, item_argument
from factory.cli.session import json_option, reading
from factory.cli.text import echo_json, lane_word, table
from factory.line.person.editing import no_such_item
from factory.model.errors import UsageError
from factory.model.lifecycle import Lane
from factory.model.moments import rfc3339
from factory.model.text import printable
from factory.report.detail import detail, journal
from factory.report.journal_words import why
from factory.store.repository.project_commits import incoming


@click.command("log")
@item_argument(*OPEN, Lane.DONE, required=False)
@click.option("--changes", is_flag=True, help="Only the commits that changed anything besides queue/ and artifacts/.")
@click.option("-n", "most", type=click.IntRange(1), default=30, show_default=True, help="With --changes: so many.")
@json_option
def log_command(item_id: str | None, changes: bool, most: int, as_json: bool) -> None:
    """Show an item's journal, or with --changes what came into the target branch."""
    if changes and item_id is None:
        _changes(most, as_json)
    elif changes or item_id is None:
        raise UsageError("give the id of an item, or --changes", "factory list --all")
    else:
        _journal(item_id, as_json)


def _changes(most: int, as_json: bool) -> None:
    with reading() as (reader, snapshot):
        head = reader.repository.tip(snapshot.policy.target_branch, "target")
        found = incoming(reader.repository.git, head, most)
    if as_json:
        echo_json([{**asdict(each), "at": rfc3339(each.at), "by": str(each.by)} for each in found])
        return
    rows = [(rfc3339(each.at), each.commit[:10], each.item_id or "-", each.by.name, each.subject) for each in found]
    table([[printable(cell) for cell in row] for row in rows], ("AT", "COMMIT", "ITEM", "BY", "WHAT"))


def _journal(item_id: str, as_json: bool) -> None:
    with reading() as (reader, snapshot):
        found = detail(reader, snapshot, item_id)
        if found is None:
            raise no_such_item(reader, snapshot, item_id)
    if as_json:
        echo_json(journal(found.history))
        return
    if not found.history.entries:
        click.echo(f"{item_id} lies in {found.lane}, and the factory has not touched it yet")
        return
    rows = [
        (
            rfc3339(entry.at),
            str(entry.event),
            f"{entry.source or '-'} -> {lane_word(entry.to)}",
            str(entry.run or "-"),
            printable(entry.actor.partition(" <")[0]),
            printable(why(entry)),
        )
        for entry in found.history.entries
    ]
    table(rows, ("AT", "EVENT", "MOVE", "RUN", "BY", "WHY"))
