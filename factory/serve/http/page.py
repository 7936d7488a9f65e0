"""The page: lanes, runs, verdicts and questions that wait, in one document that asks nobody else for anything."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from pathlib import Path

from factory.line.snapshot import ItemState
from factory.model.gate import unanswered
from factory.model.lifecycle import Lane
from factory.model.moments import rfc3339
from factory.model.text import printable
from factory.report.status_row import Row
from factory.serve.http.picture import Picture

_STYLE, _SCRIPT = (Path(__file__).with_name(name).read_text() for name in ("page.css", "page.js"))
_DECISIONS = ("approve", "rework", "reject", "escalate")
_TITLES = {
    Lane.ACTIVE: "At work",
    Lane.REVIEW: "Review",
    Lane.BLOCKED: "Blocked",
    Lane.REWORK: "Rework",
    Lane.INBOX: "Inbox",
}


@dataclass(frozen=True)
class Page:
    """An HTML document, and the policy under which a browser shows it."""

    html: bytes
    policy: str


def _hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_POLICY = (
    f"default-src 'none'; script-src {_hashed(_SCRIPT)}; style-src {_hashed(_STYLE)}; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(picture: Picture, act: bool) -> Page:
    """The page of a picture; with `act` it has what a person needs to decide, which only a token makes work."""
    made = picture.made.get("page")
    if made is None:
        made = picture.made["page"] = "\n".join(_document(picture, act)).encode(errors="replace")
    return Page(made, _POLICY)


def _text(said: object) -> str:
    """What others say, as nothing but text."""
    return escape(printable(" ".join(str(said).split())))


def _document(picture: Picture, act: bool) -> Iterator[str]:
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>factory: {_text(picture.branch)}</title>"
    yield f"<style>{_STYLE}</style></head>"
    yield "<body data-act=1>" if act else "<body>"
    yield '<p id="note" role="status" aria-live="polite"></p>'
    yield "<main>"
    yield from _heading(picture)
    for lane in _TITLES:
        yield from _lane(picture, lane, act)
    yield "</main>"
    yield f"<script>{_SCRIPT}</script></body></html>"


def _heading(picture: Picture) -> Iterator[str]:
    found, snapshot = picture.status, picture.snapshot
    yield f"<h1>factory <span class=dim>{_text(picture.branch)} {snapshot.head[:12]}</span></h1>"
    counts = "".join(f"<li><b>{found.count(lane)}</b> {lane}</li>" for lane in Lane if lane is not Lane.DONE)
    yield f"<ul class=counts>{counts}<li><b>{found.done_today}</b> done today</li></ul>"
    who = found.orchestrator or "none is running; factory tick makes one pass"
    yield f"<p class=dim>orchestrator: {_text(who)}; as of {rfc3339(snapshot.now)}</p>"
    wrong = [*([f"waiting: {found.busy}"] if found.busy else []), *found.alarms(), *map(str, found.problems[:20])]
    yield from (f"<p class=bad>{_text(said)}</p>" for said in wrong)


def _lane(picture: Picture, lane: Lane, act: bool) -> Iterator[str]:
    rows = [row for row in picture.status.rows if row.lane is lane]
    if not rows:
        return
    yield f"<section><h2>{_TITLES[lane]} ({len(rows)})</h2><div class=scroll><table>"
    yield "<thead><tr><th>Item<th>State<th>For<th>Title<th>Why</tr></thead><tbody>"
    for row in rows:
        item = picture.snapshot.items.get(row.id)
        below = "".join(_below(picture, row, item, act))
        since = _for(picture.snapshot.now - row.since) if row.since else ""
        cells = f"<td>{_text(row.state)}<td>{since}<td>{_text(row.title)}<td>{_text(row.note)}{below}"
        yield f"<tr><td class=id>{_text(row.id)}{cells}</tr>"
    yield "</tbody></table></div></section>"


def _for(passed: timedelta) -> str:
    """How long something has been so, in its largest unit."""
    seconds = max(0, int(passed.total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _below(picture: Picture, row: Row, item: ItemState | None, act: bool) -> Iterator[str]:
    """What a run shows, and what a person can do about an item."""
    sign = picture.signs.get(row.id)
    if sign is not None and sign.said:
        yield f"<p class=dim>{_text(sign.said)}</p>"
    if item is None:
        return
    if item.history.proposal and row.lane is Lane.REVIEW:
        yield f'<p><a href="/api/v1/{_text(row.id)}/diff">patch</a></p>'
    if not act:
        return
    yield from _verdicts(picture, item)
    if item.lane is Lane.BLOCKED and item.history.questions:
        yield from _questions(item)
    yield f'<details class=act><summary>Levers</summary><div data-item="{_text(row.id)}">'
    yield from (f'<button type=button data-door=lever data-lever="{each}">{each}</button>' for each in _levers(item))
    yield "</div></details>"


def _levers(item: ItemState) -> Iterator[str]:
    mission = item.history.mission.under_way
    if item.lane is Lane.BLOCKED:
        yield "resume" if mission else "retry"
    elif mission:
        yield "pause"
    yield "release" if item.item is not None and item.item.hold else "hold"
    yield "cancel"


def _verdicts(picture: Picture, item: ItemState) -> Iterator[str]:
    """A form for each open seat of an item."""
    for file in picture.snapshot.listing.verdicts:
        if file.item_id != item.id or item.item is None or item.lane is not Lane.REVIEW:
            continue
        subject = _text(item.history.subject)
        yield f"<details class=act><summary>Verdict of the seat {_text(file.seat)}</summary>"
        yield f'<div data-item="{_text(item.id)}" data-seat="{_text(file.seat)}" data-subject="{subject}">'
        texts = {criterion.id: criterion.text for criterion in item.item.acceptance}
        for key in unanswered(item.item):
            box = f'<input type=checkbox data-criterion="{_text(key)}">'
            yield f"<p><label>{box} {_text(key)} passes: {_text(texts[key])}</label></p>"
        for key, text in item.history.loose_ends.items():
            field = f'<input data-left="{_text(key)}" placeholder="item, or why nothing is to be done">'
            yield f"<p><label>left {_text(key)}: {_text(text)} {field}</label></p>"
        yield "<p><label>Notes <textarea rows=3></textarea></label></p>"
        for each in _DECISIONS:
            yield f'<button type=button data-door=verdict data-decision="{each}">{each}</button>'
        yield "</div></details>"


def _questions(item: ItemState) -> Iterator[str]:
    """A form with all that an item's worker asks."""
    yield f'<details class=act><summary>Answer</summary><div data-item="{_text(item.id)}">'
    for question in item.history.questions:
        known = ", ".join(f"{option.id}: {option.text}" for option in question.options)
        field = f'<input data-question="{_text(question.id)}" placeholder="{_text(known or "your words")}">'
        yield f"<p><label>{_text(question.text)} {field}</label></p>"
    yield "<button type=button data-door=answers>answer</button></div></details>"
