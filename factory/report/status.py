"""Status: what is where, since when, and waiting for what."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from factory.line.apply.blocker import apply_blocker
from factory.line.dispatch.schedule import ScheduleEntry, schedule
from factory.line.intake.edits import find_edits
from factory.line.lock import holder
from factory.line.retention.archive import overdue
from factory.line.review.assess import assess_now
from factory.line.review.conflicts import Conflicts
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.breaker import BreakerState, State
from factory.model.canary_answer import Canary, rules_of
from factory.model.errors import InvalidFile, Problem
from factory.model.layout import answers_path, lane_folder
from factory.model.lifecycle import Event, Lane, NotApplied
from factory.model.moments import day_of, epoch, midnight, moment_of, rfc3339
from factory.model.text import counted, cut
from factory.report.failed_hooks import with_hook
from factory.report.liveness import heart_of, liveness, parted
from factory.report.marks.marks import marks
from factory.report.mission_progress import UNDER_WAY, with_missions
from factory.report.pending_edits import noted
from factory.report.status_row import LastStatus, Row, shown
from factory.report.untold import untold
from factory.store import files
from factory.store.canaries import Canaries

_LONGEST_REASON = 300  # characters


@dataclass(frozen=True)
class Status:
    """The whole queue at one commit."""

    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]
    done_today: int
    orchestrator: str  # who holds the lock; empty when nobody does
    breakers: tuple[BreakerState, ...] = ()  # those that are not closed
    canaries: tuple[Canary, ...] = ()  # those that found a check which passes without the product
    busy: str = ""  # what a person has begun, and every pass waits for
    until: datetime | None = None  # something comes due by itself, at the latest the next day
    overdue: str = ""  # what to archive, in words, when it is due
    untold: tuple[str, ...] = ()  # whom it failed to tell what people are to be told

    def alarms(self) -> tuple[str, ...]:
        """What keeps items from starting, or from proving anything, or all else slow, as people are told of it."""
        said: list[str] = []
        for state in self.breakers:
            until = f" until {rfc3339(state.until)}" if state.until else f", tried with {state.trial}"
            after = "at a usage limit" if state.limited else f"after {counted(state.failures, 'failure')}"
            named = state.contract or state.of
            said.append(f"breaker of {named}: {state.state}{until} {after}: {state.reason}")
        for canary in self.canaries:
            passing = f"{', '.join(canary.silent)} passes without the product, as tried last"
            said.append(f"canary of {canary.contract}: {passing}; factory doctor --checks")
        return (*said, *self.untold, self.overdue) if self.overdue else (*said, *self.untold)

    def as_json(self, branch: str) -> dict[str, object]:
        """The status for programs."""
        return {
            "branch": branch,
            "orchestrator": self.orchestrator or None,
            "waits_for_a_person": self.busy or None,
            "counts": {lane: self.count(lane) for lane in Lane if lane is not Lane.DONE},
            "done_today": self.done_today,
            "breakers": [state.model_dump(mode="json") for state in self.breakers],
            "overdue": self.overdue or None,
            "untold": list(self.untold),
            "canaries": [canary.model_dump(mode="json") for canary in self.canaries],
            "items": [row.as_json() for row in self.rows],
            "problems": [problem.__dict__ for problem in self.problems],
        }

    def count(self, lane: Lane) -> int:
        """How many items lie in an open lane."""
        return sum(row.lane is lane for row in self.rows)


def status(reader: SnapshotReader, snapshot: Snapshot) -> Status:
    """What is where at a snapshot's commit, and what the next pass takes in. Reads only."""
    held_by = holder(reader.repository.state)
    waiting = {entry.id: entry for entry in schedule(reader, snapshot)}
    edits = find_edits(reader, snapshot)
    problems = [*snapshot.problems, *(problem for each in edits for problem in each.problems)]
    rows: list[Row] = []
    for state in snapshot.items.values():
        if state.lane in (Lane.INBOX, Lane.REWORK):
            rows.append(_in_line(reader, snapshot, state, waiting[state.id]))
        elif state.lane is Lane.ACTIVE and state.unread:
            rows.append(_row(reader, snapshot, state, "invalid", state.problem))
        elif state.lane is Lane.ACTIVE and state.history.mission.under_way:
            rows.append(_row(reader, snapshot, state, UNDER_WAY, "waits: its plan breaks a rule; factory check"))
        elif state.lane is Lane.ACTIVE:
            rows.append(_row(reader, snapshot, state, *liveness(reader, snapshot, state, held_by)))
        elif state.lane is Lane.REVIEW:
            row, found = _in_review(reader, snapshot, state, at_work=held_by is not None)
            rows.append(row)
            problems.extend(found)
        elif state.lane is Lane.BLOCKED:
            why = with_hook(reader, snapshot, state, _why_blocked(state))
            rows.append(_row(reader, snapshot, state, "waiting", why))
    rows = with_missions(reader, snapshot, rows)
    marked = marks(reader, snapshot, waiting, {row.id for row in rows if row.state == "running"})
    rows = [replace(row, marks=marked.of_items.get(row.id, ())) for row in rows]
    coming = noted(reader, snapshot, edits)
    problems.extend(coming.problems)
    rows = [_with_note(row, coming.of_items.get(row.id, "")) for row in rows] + coming.new
    busy = reader.repository.busy(reader.branch, snapshot.policy.target_branch)
    crowded = {entry.id for entry in waiting.values() if entry.crowded}
    rows = [_waiting_for(row, busy) if row.state == "ready" or row.id in crowded else row for row in rows]
    order = list(Lane)
    rows.sort(key=lambda row: (order.index(row.lane), row.since or snapshot.now, row.id))
    today = lane_folder(Lane.DONE, day_of(snapshot.now))
    done = len(reader.repository.objects.folder(snapshot.tree, today))
    breakers = tuple(
        state
        for state in (*snapshot.breakers.values(), *snapshot.agent_breakers.values())
        if state.state is not State.CLOSED
    )
    canaries = tuple(canary for canary in canaries_of(reader, snapshot) if canary.silent)
    until = [each for each in (marked.until, *(entry.until for entry in waiting.values())) if each]
    return Status(
        rows=tuple(rows),
        problems=tuple(dict.fromkeys(problems)),
        done_today=done,
        orchestrator=str(held_by or ""),
        breakers=breakers,
        canaries=canaries,
        busy=busy,
        overdue=overdue(reader, snapshot.tree),
        untold=untold(reader.repository.state, snapshot.policy),
        until=min([midnight(snapshot.now) + timedelta(days=1), *until]),
    )


def to_remember(reader: SnapshotReader, snapshot: Snapshot, found: Status, seen: str) -> LastStatus | None:
    """A status as the next one may say it again; None for one that hangs on more than the repository and the time.

    That is what is at work, what is approved and has yet to land, a sandbox, and whatever is wrong.
    """
    at_work = any(
        row.lane is Lane.ACTIVE and row.state != UNDER_WAY for row in found.rows
    )  # a mission waits for others
    moving = at_work or any(row.not_applied or _lands(row) for row in found.rows)
    wrong = found.problems or found.busy
    if not seen or moving or wrong or found.orchestrator or snapshot.policy.sandbox == "required":
        return None
    return LastStatus(
        branch=reader.branch,
        target=snapshot.policy.target_branch,
        head=snapshot.head,
        sight=seen,
        since=epoch(snapshot.now),
        until=epoch(found.until) if found.until else None,
        done_today=found.done_today,
        alarms=found.alarms(),
        rows=tuple(map(shown, found.rows)),
    )


def _lands(row: Row) -> bool:
    return row.lane is Lane.REVIEW and row.state != "waiting"


def canaries_of(reader: SnapshotReader, snapshot: Snapshot) -> Iterator[Canary]:
    """What was found last of each contract, as long as it says the same."""
    for name, canary in sorted(Canaries(reader.repository.state).newest().items()):
        try:
            contract = reader.library.contract(snapshot.tree, name)
        except InvalidFile:
            continue  # told among the problems
        if contract is not None and rules_of(contract) == canary.rules:
            yield canary


def _in_line(reader: SnapshotReader, snapshot: Snapshot, state: ItemState, entry: ScheduleEntry) -> Row:
    word = "ready" if entry.start else "invalid" if state.problem else "waiting"
    note = with_hook(reader, snapshot, state, entry.reason or "starts with the next tick")
    back = _sent_back(state) if state.lane is Lane.REWORK and not state.problem else ""
    note = f"{note.splitlines()[0]}; sent back: {back}" if back else note
    return _row(reader, snapshot, state, word, note)


def _sent_back(state: ItemState) -> str:
    """Why an item is to be done again, as its journal says; empty when it lies in rework for another reason."""
    entry = next((each for each in reversed(state.history.entries) if each.event is Event.REWORK), None)
    if entry is None:
        return ""
    said = _short(entry.findings[0].text) if entry.findings else ""
    reason = _short(entry.reason or "")
    return f"{reason} ({said})" if said and said not in reason else reason


def _short(text: str) -> str:
    """What a row has room for: the first line. The rest is told by `factory show`, or lies in a log."""
    return cut(" ".join(text.strip().partition("\n")[0].split()), _LONGEST_REASON)


def _why_blocked(state: ItemState) -> str:
    """Why an item is blocked, and how a person answers a worker that asks."""
    reason = state.problem or state.history.reason or "moved here by hand"
    last = state.history.entries[-1] if state.history.entries else None
    if last is not None and last.event is Event.PAUSE:
        return _why_paused(state, reason.splitlines()[0])
    asks = last is not None and last.event is Event.BLOCK and last.source is Lane.ACTIVE and last.failure is None
    if last is not None and last.event is Event.BLOCK and last.failure and last.failure.is_wall and not state.problem:
        return f"{reason.rstrip()} (factory retry {state.id} once that is mended)"
    if state.problem or not asks:
        return reason
    if state.history.questions:
        return f"asks: {_short(reason)} (factory answer {state.id}, or edit {answers_path(state.id)})"
    return f"{_short(reason)} (say more in the item, {state.placed.path}, then factory retry {state.id})"


def _why_paused(state: ItemState, reason: str) -> str:
    """Why a mission is paused, and how it goes on."""
    if state.history.questions:
        return f"asks: {reason} (factory answer {state.id}, or edit {answers_path(state.id)})"
    return f"paused: {reason} (factory mission resume {state.id})"


def _with_note(row: Row, note: str) -> Row:
    """A row, with what a person has said of it in the meantime."""
    return replace(row, state="ready", note=note, marks=()) if note else row


def _waiting_for(row: Row, busy: str) -> Row:
    """A row that only a person's own git work keeps where it is."""
    return replace(row, state="waiting", note=f"waits: {busy}") if busy else row


def _in_conflict(snapshot: Snapshot, state: ItemState) -> str:
    """With which items that came into review before it does not merge, as long as they are there."""
    since = state.history.since
    ahead = [snapshot.items.get(item_id) for item_id in state.history.conflicts_with]
    there = [
        each for each in ahead if each and each.lane is Lane.REVIEW and since and (each.history.since or since) <= since
    ]
    said = (f"{each.id}, which came first, in {', '.join(state.history.conflicts_with[each.id])}" for each in there)
    return "".join(f"; conflicts with {each}" for each in said)


def _in_review(
    reader: SnapshotReader, snapshot: Snapshot, state: ItemState, *, at_work: bool
) -> tuple[Row, tuple[Problem, ...]]:
    again = files.read_regular(heart_of(reader, state.id)) if at_work else None
    if again:  # the target has moved, so what was proven is proven anew
        condition, what = parted(again.decode(errors="replace"))
        return _row(reader, snapshot, state, condition, what), ()
    target = reader.repository.head(snapshot.policy.target_branch)
    assessment = assess_now(reader, snapshot, state, target, Conflicts())
    if isinstance(assessment, str):
        return _row(reader, snapshot, state, "invalid", assessment), ()
    decision, clash = assessment.decision, _in_conflict(snapshot, state)
    if assessment.problems:
        return _row(reader, snapshot, state, "waiting", f"refused: {assessment.problems[0]}"), assessment.problems
    if decision.event is Event.FINISH:
        found = apply_blocker(reader.repository, snapshot, assessment)
        if found and found[0] not in (NotApplied.TARGET_MOVED, NotApplied.UNCHECKED):
            return _row(reader, snapshot, state, "waiting", f"approved, but {found[1]}", found[0]), ()
        if found:
            return _row(reader, snapshot, state, "ready", f"{decision.reason}; {found[1]}{clash}", found[0]), ()
        return _row(reader, snapshot, state, "ready", f"{decision.reason}; applied with the next tick{clash}"), ()
    if decision.event is None:
        return _row(reader, snapshot, state, "waiting", f"{decision.reason}{clash}"), ()
    return _row(reader, snapshot, state, "ready", f"{decision.event} with the next tick: {decision.reason}"), ()


def _row(
    reader: SnapshotReader,
    snapshot: Snapshot,
    state: ItemState,
    condition: str,
    note: str,
    not_applied: NotApplied | None = None,
) -> Row:
    """An item's row, in a state and for a reason."""
    arrival = reader.arrivals(snapshot).get(state.placed.path)
    since = state.history.since or (moment_of(arrival.at) if arrival else None)
    item = state.item
    return Row(
        id=state.id,
        title=item.title if item else "",
        lane=state.lane,
        state=condition,
        since=since,
        note=note.splitlines()[0] if note else "",
        labels=item.labels if item else (),
        priority=item.priority if item else None,
        run=state.history.run,
        round=state.history.round,
        contract=state.contract_name,
        not_applied=not_applied or (state.history.entries[-1].not_applied if state.history.entries else None),
    )
