"""Signs: what the runs on this machine show of themselves while they are under way; nothing of it is committed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from factory.execution.agents.agent import COMMAND
from factory.execution.redaction.mask import Mask
from factory.line.dispatch.requests import request_for
from factory.line.lock import Holder, holder
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.lifecycle import Lane
from factory.model.moments import moment_of
from factory.model.result import Usage
from factory.model.text import cut
from factory.report.liveness import heart_of, liveness, parted
from factory.report.output import shown, traced
from factory.report.status import Status
from factory.report.status_row import Row
from factory.store import files
from factory.store.state import LIVE

_MOST_READ = 300_000  # bytes; a trace is no longer
_LONGEST = 300  # characters


@dataclass(frozen=True)
class Sign:
    """What one run shows."""

    doing: str  # running | checking | judging
    what: str  # the check that is run, or the seat that judges
    at: datetime  # when it did so last
    said: str = ""  # the last line of its output, without secrets
    messages: int = 0  # how often its agent has spoken
    usage: Usage = field(default_factory=Usage)  # as far as its agent has told


def signs(reader: SnapshotReader, snapshot: Snapshot) -> Iterator[tuple[str, Sign]]:
    """(the item, its sign) of each open item that something is done for on this machine."""
    for state in snapshot.items.values():
        if state.lane not in (Lane.ACTIVE, Lane.REVIEW):
            continue
        heart = heart_of(reader, state.id)
        try:
            at, told = moment_of(int(heart.stat().st_mtime)), heart.read_text(errors="replace")
        except OSError:
            continue
        doing, what = parted(told)
        found = Sign(doing, what, at)
        yield state.id, _with_output(found, reader, snapshot, state) if state.lane is Lane.ACTIVE else found


def _with_output(found: Sign, reader: SnapshotReader, snapshot: Snapshot, state: ItemState) -> Sign:
    if state.contract is None or state.item is None:
        return found
    request = request_for(reader, snapshot, state, "", "")
    output = Mask.of_environment(request.secrets).hide(_end_of(reader.repository.state / LIVE / state.id))
    lines = output.splitlines()
    if request.kind == COMMAND:
        said = next((text for text in map(_as_shown, reversed(lines)) if text), "")
        return replace(found, said=cut(said, _LONGEST))
    noted = [_noted(line) for line in lines]
    used = next((each for each in reversed(noted) if each.get("kind") == "usage"), {})
    said = next(traced(lines[-1]), "") if lines else ""
    messages = sum(each.get("kind") == "message" for each in noted)
    return replace(found, said=cut(said, _LONGEST), messages=messages, usage=_usage(used))


def _end_of(path: Path) -> bytes:
    """The last whole lines of what a run has printed so far."""
    try:
        with path.open("rb") as file:
            start = max(0, file.seek(0, 2) - _MOST_READ)
            file.seek(start)
            output = file.read(_MOST_READ)
    except OSError:
        return b""
    whole = output[: output.rfind(b"\n") + 1]
    return whole.partition(b"\n")[2] if start else whole


def _as_shown(line: bytes) -> str:
    return shown(line.decode(errors="replace")).strip()


def _noted(line: bytes) -> dict[str, object]:
    try:
        noted = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return noted if isinstance(noted, dict) else {}


def _usage(noted: dict[str, object]) -> Usage:
    counted = {key: value for key, value in noted.items() if key in Usage.model_fields}
    try:
        return Usage.model_validate(counted)
    except ValidationError:
        return Usage()


def with_signs(reader: SnapshotReader, snapshot: Snapshot, found: Status) -> Status:
    """A status of the same commit with what is to be seen of its runs by now."""
    held_by = holder(reader.repository.state)
    return replace(found, rows=tuple(_now(reader, snapshot, row, held_by) for row in found.rows))


def _now(reader: SnapshotReader, snapshot: Snapshot, row: Row, held_by: Holder | None) -> Row:
    state = snapshot.items.get(row.id)
    if state is None or state.lane is not row.lane or state.unread or state.history.mission.under_way:
        return row
    if row.lane is Lane.ACTIVE:
        condition, note = liveness(reader, snapshot, state, held_by)
        return replace(row, state=condition, note=note)
    beats = files.read_regular(heart_of(reader, row.id)) if row.lane is Lane.REVIEW and held_by else None
    if not beats:
        return row
    condition, note = parted(beats.decode(errors="replace"))
    return replace(row, state=condition, note=note)
