"""`factory revert`: an item that undoes what another one applied, through the same line."""

import json

import click
from pydantic import JsonValue

from factory.cli.ids import item_argument
from factory.cli.session import reading
from factory.line.person.editing import no_such_item, queue_checkout
from factory.model.errors import UsageError
from factory.model.layout import item_path
from factory.model.lifecycle import Lane
from factory.report.detail import detail
from factory.store import files
from factory.store.queue import read_item


@click.command("revert")
@item_argument(Lane.DONE)
@click.option("--contract", help="Under another contract than the item's own.")
def revert_command(item_id: str, contract: str | None) -> None:
    """Write an item into the inbox that undoes what ID applied. It is checked and judged like any other."""
    with reading() as (reader, snapshot):
        view = queue_checkout(reader)
        found = detail(reader, snapshot, item_id)
        if found is None:
            raise no_such_item(reader, snapshot, item_id)
        applied = next((entry.applied for entry in reversed(found.history.entries) if entry.applied), None)
        if found.lane is not Lane.DONE or applied is None:
            raise UsageError(f"{item_id} has applied nothing that could be undone", f"factory show {item_id}")
        entry = reader.archive.find(snapshot.tree, found.path)
        assert entry is not None
        item = read_item(found.path, reader.repository.objects.blob(entry.oid))
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
            path = item_path(Lane.INBOX, new)
            taken = new in snapshot.items or reader.queue.done_day(snapshot.tree, new)
            if not taken and files.write_new(view.root / path, text.encode()):
                click.echo(path)
                return
