"""The JSON of the Symphony specification's section 13.7, of a picture."""

from collections.abc import Callable

from factory.line.snapshot import ItemState
from factory.model.journal import Entry
from factory.model.layout import run_folder
from factory.model.lifecycle import Event, Lane
from factory.model.moments import rfc3339
from factory.model.result import Usage
from factory.model.text import cut
from factory.report.journal_words import why
from factory.report.status_row import Row
from factory.serve.http.picture import Picture
from factory.store.state import LIVE

Json = dict[str, object]
_RECENT = 20  # events
_LONGEST = 300  # characters of a reason


def state(picture: Picture) -> Json:
    """`GET /api/v1/state`."""
    running, retrying, blocked = (_all(picture, kind) for kind in (_is_running, _is_retried, _is_blocked))
    return {
        "generated_at": rfc3339(picture.snapshot.now),
        "counts": {"running": len(running), "retrying": len(retrying), "blocked": len(blocked)},
        "running": [{**_who(item), **_running(picture, item)} for item in running],
        "retrying": [{**_who(item), **_retry(picture, item)} for item in retrying],
        "blocked": [{**_who(item), **_blocked(picture, item)} for item in blocked],
        "codex_totals": _totals(picture, running),
        "rate_limits": None,  # of accounts it is only known when a limit was reached; the status tells of that
    }


def issue(picture: Picture, item_id: str) -> Json | None:
    """`GET /api/v1/<identifier>`; None for one that is not open."""
    item, row = picture.snapshot.items.get(item_id), _row(picture, item_id)
    if item is None or row is None:
        return None
    running, retried, blocked = (kind(picture, item) for kind in (_is_running, _is_retried, _is_blocked))
    return {
        "issue_identifier": item_id,
        "issue_id": item_id,
        "status": "running" if running else "retrying" if retried else "blocked" if blocked else row.state,
        "workspace": {"path": picture.workspaces.get(item_id), "host": _host(picture, item)},
        "attempts": {
            "restart_count": max(0, item.history.attempts - 1),
            "current_retry_attempt": item.history.attempts,
        },
        "running": _running(picture, item) if running else None,
        "retry": _retry(picture, item) if retried else None,
        "blocked": _blocked(picture, item) if blocked else None,
        "logs": {"codex_session_logs": _logs(picture, item)},
        "recent_events": _events(picture, item),
        "last_error": _error(item),
        "tracked": row.as_json(),
    }


def _all(picture: Picture, kind: Callable[[Picture, ItemState], bool]) -> list[ItemState]:
    return [item for item in picture.snapshot.items.values() if kind(picture, item)]


def _row(picture: Picture, item_id: str) -> Row | None:
    return next((row for row in picture.status.rows if row.id == item_id), None)


def _is_running(picture: Picture, item: ItemState) -> bool:
    if item.lane is not Lane.ACTIVE or item.history.mission.under_way:
        return False
    row = _row(picture, item.id)
    return item.id in picture.signs or (row is not None and row.state == "running")


def _is_retried(_picture: Picture, item: ItemState) -> bool:
    """Whether it waits for another attempt, until its time or for a slot."""
    last = _last(item)
    waits = item.lane in (Lane.INBOX, Lane.REWORK)
    return waits and last is not None and last.event is Event.RELEASE and last.failure is not None


def _is_blocked(_picture: Picture, item: ItemState) -> bool:
    return item.lane is Lane.BLOCKED


def _last(item: ItemState) -> Entry | None:
    return item.history.entries[-1] if item.history.entries else None


def _who(item: ItemState) -> Json:
    return {"issue_id": item.id, "issue_identifier": item.id, "issue_url": None}


def _where(picture: Picture, item: ItemState) -> Json:
    return {"worker_host": _host(picture, item), "workspace_path": picture.workspaces.get(item.id)}


def _host(picture: Picture, item: ItemState) -> str | None:
    """The machine of another clone whose run it is; None for this one, as in the specification."""
    lease = item.history.lease
    return lease.owner.partition(":")[0] if lease and item.id not in picture.signs else None


def _running(picture: Picture, item: ItemState) -> Json:
    sign, begun = picture.signs.get(item.id), item.history.since
    return {
        "state": picture.snapshot.policy.tracker.state_of(item.lane),
        **_where(picture, item),
        "session_id": item.history.session or None,
        "turn_count": sign.messages if sign else 0,
        "last_event": " ".join(filter(None, (sign.doing, sign.what))) if sign else "start",
        "last_message": sign.said if sign else "",
        "started_at": rfc3339(begun) if begun else None,
        "last_event_at": rfc3339(sign.at) if sign else rfc3339(begun) if begun else None,
        "tokens": _tokens(sign.usage if sign else Usage()),
    }


def _retry(picture: Picture, item: ItemState) -> Json:
    due = item.history.not_before
    return {
        "attempt": max(1, item.history.attempts),
        "due_at": rfc3339(due) if due else None,
        "error": _error(item),
        **_where(picture, item),
    }


def _blocked(picture: Picture, item: ItemState) -> Json:
    last = _last(item)
    at = rfc3339(last.at) if last else None
    return {
        "state": picture.snapshot.policy.tracker.state_of(item.lane),
        "error": _error(item),
        **_where(picture, item),
        "session_id": item.history.session or None,
        "blocked_at": at,
        "last_event": str(last.event) if last else None,
        "last_message": cut(why(last), _LONGEST) if last else None,
        "last_event_at": at,
    }


def _error(item: ItemState) -> str | None:
    """Why it is where it is, if that is bad news."""
    last, history = _last(item), item.history
    bad = history.failure is not None or item.lane is Lane.BLOCKED or bool(item.problem)
    said = item.problem or (why(last) if last else "")
    return cut(said or "moved here by hand", _LONGEST) if bad else None


def _events(picture: Picture, item: ItemState) -> list[Json]:
    """The last lines of its journal, and what its run does at this moment."""
    found: list[Json] = [
        {"at": rfc3339(entry.at), "event": str(entry.event), "message": cut(why(entry), _LONGEST)}
        for entry in item.history.entries[-_RECENT:]
    ]
    sign = picture.signs.get(item.id)
    if sign is not None:
        found.append({"at": rfc3339(sign.at), "event": sign.doing, "message": sign.said or sign.what})
    return found


def _logs(picture: Picture, item: ItemState) -> list[Json]:
    """Where the output of its runs lies: of ended ones in the repository, of one under way below `.git/factory`."""
    ended = sorted({entry.run for entry in item.history.entries if entry.source is Lane.ACTIVE and entry.run})
    found: list[Json] = [{"label": f"run {run}", "path": f"{run_folder(item.id, run)}/", "url": None} for run in ended]
    live = item.lane is Lane.ACTIVE and item.id in picture.signs
    return [*found, {"label": "latest", "path": f".git/factory/{LIVE}/{item.id}", "url": None}] if live else found


def _tokens(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.tokens,
    }


def _totals(picture: Picture, running: list[ItemState]) -> Json:
    """What the runs of open items and of those that were finished today came to, those under way included."""
    usage, seconds = Usage(), 0.0
    for history in (*picture.finished, *(item.history for item in picture.snapshot.items.values())):
        usage, seconds = usage.plus(history.usage), seconds + history.seconds
    for item in running:
        sign, begun = picture.signs.get(item.id), item.history.since
        usage = usage.plus(sign.usage if sign else None)
        seconds += max(0.0, (picture.snapshot.now - begun).total_seconds()) if begun else 0.0
    return {**_tokens(usage), "seconds_running": round(seconds, 3)}
