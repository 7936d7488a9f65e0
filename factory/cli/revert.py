"""`factory revert`: an item that undoes what another one applied, through the same line."""

import json

import click
from pydantic import JsonValue

from factory.cli.ids import item_argument
from factory.cli.session import desk, no_such_item, surveyed
from factory.model.errors import UsageError
from factory.model.lifecycle import Lane
from factory.report.detail import detail
from factory.store import files
from factory.store.queue import lane_path, read_item


@click.command("revert")
@item_argument(Lane.DONE)
@click.option("--contract", help="Under another contract than the item's own.")
def revert_command(item_id: str, contract: str | None) -> None:
    """Write an item into the inbox that undoes what ID applied. It is checked and judged like any other."""
    with surveyed() as (surveyor, survey):
        view = desk(surveyor)
        found = detail(surveyor, survey, item_id)
        if found is None:
            raise no_such_item(surveyor, survey, item_id)
        applied = next((entry.applied for entry in reversed(found.history.entries) if entry.applied), None)
        if found.lane is not Lane.DONE or applied is None:
            raise UsageError(f"{item_id} has applied nothing that could be undone", f"factory show {item_id}")
        entry = surveyor.repository.objects.find(survey.tree, found.path)
        assert entry is not None
        item = read_item(found.path, surveyor.repository.objects.blob(entry.oid))
        fields: dict[str, JsonValue] = {
            "title": f"Revert {item_id}: {item.title}",
            "contract": contract or found.contract,
            "inputs": item.inputs,
            "discovered_from": item_id,
            "reverts": applied,
        }
        text = "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in fields.items() if value)
        for number in range(1, 1000):
            new = f"revert-{item_id}"[:76].rstrip(".-_") + (f"-{number}" if number > 1 else "")
            path = lane_path(Lane.INBOX, new)
            taken = new in survey.cases or surveyor.queue.done_day(survey.tree, new)
            if not taken and files.write_new(view.root / path, text.encode()):
                click.echo(path)
                return
