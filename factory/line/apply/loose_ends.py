"""Loose ends: what a worker left undone or came across becomes an item of its own, unless a reviewer dismissed it."""

import json

from pydantic import JsonValue

from factory.line.context import Context
from factory.line.review.assess import Assessment
from factory.line.snapshot import ItemState, Snapshot
from factory.model.item import slug
from factory.model.layout import item_path
from factory.model.lifecycle import Lane
from factory.model.text import counted, printable
from factory.model.verdict import Decision

_TITLE = 120  # characters


def file_loose_ends(context: Context, snapshot: Snapshot, assessment: Assessment) -> None:
    """Write an item into the inbox for each loose end that no verdict dismissed, linked to where it came from."""
    state = assessment.state
    dismissed = {key for verdict in assessment.approvals for key in state.history.loose_ends if verdict.dismisses(key)}
    # Where nobody has read it, nobody has said that it shall be done: a person lets it go on.
    unread = not any(verdict.decision is Decision.APPROVE for verdict in assessment.approvals)
    made: dict[str, bytes | None] = {}
    for key, text in state.history.loose_ends.items():
        if key not in dismissed:
            base = f"{state.id[:70].rstrip('.-_')}-{key.lower()}"
            free = context.free_id(snapshot, base)
            made[item_path(Lane.INBOX, free)] = _item(state, text, hold=unread)
    if made:
        context.writer.take_in(context.me, made, f"factory: make {counted(len(made), 'item')} of what {state.id} left")


def _item(state: ItemState, text: str, *, hold: bool) -> bytes:
    """The file of an item made of one loose end."""
    title = printable(" ".join(text.split()))
    fields: dict[str, JsonValue] = {
        "title": title[:_TITLE] or slug(state.id),
        "contract": state.contract_name,
        "description": f"{printable(text)}\n\nLeft by the worker of {state.id}.\n",
        "discovered_from": state.id,
    }
    if hold:
        fields["hold"] = True
    return "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in fields.items()).encode()
