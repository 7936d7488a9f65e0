"""The handoff: what a worker left undone or came across becomes an item of its own, unless a reviewer dismissed it."""

import json

from pydantic import JsonValue

from factory.line.floor import Floor
from factory.line.judge import Judged
from factory.line.survey import Case, Survey
from factory.model.base import counted, printable
from factory.model.item import slug
from factory.model.lifecycle import Lane
from factory.model.verdict import Decision
from factory.store.queue import lane_path

_TITLE = 120  # characters


def file_loose_ends(floor: Floor, survey: Survey, judged: Judged) -> None:
    """Write an item into the inbox for each loose end that no verdict dismissed, linked to where it came from."""
    case = judged.case
    dismissed = {key for verdict in judged.approvals for key in case.history.loose_ends if verdict.dismisses(key)}
    # Where nobody has read it, nobody has said that it shall be done: a person lets it go on.
    unread = not any(verdict.decision is Decision.APPROVE for verdict in judged.approvals)
    made: dict[str, bytes | None] = {}
    for key, text in case.history.loose_ends.items():
        if key not in dismissed:
            base = f"{case.id[:70].rstrip('.-_')}-{key.lower()}"
            free = floor.surveyor.free_id(survey.tree, survey.snapshot, base)
            made[lane_path(Lane.INBOX, free)] = _item(case, text, hold=unread)
    if made:
        floor.ledger.take_in(floor.me, made, f"factory: make {counted(len(made), 'item')} of what {case.id} left")


def _item(case: Case, text: str, *, hold: bool) -> bytes:
    """The file of an item made of one loose end."""
    title = printable(" ".join(text.split()))
    fields: dict[str, JsonValue] = {
        "title": title[:_TITLE] or slug(case.id),
        "contract": case.contract_name,
        "description": f"{printable(text)}\n\nLeft by the worker of {case.id}.\n",
        "discovered_from": case.id,
    }
    if hold:
        fields["hold"] = True
    return "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in fields.items()).encode()
