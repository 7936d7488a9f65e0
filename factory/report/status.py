"""Status: what is where, since when, and waiting for what."""

from dataclasses import dataclass
from datetime import UTC, datetime

from factory.line.desk import look
from factory.line.hindrance import hindrance
from factory.line.judge import judge
from factory.line.lock import holder, owner_of
from factory.line.plan import outlooks
from factory.line.survey import Case, Survey, Surveyor
from factory.model.breaker import BreakerState, State
from factory.model.errors import Problem
from factory.model.journal import rfc3339
from factory.model.lifecycle import Event, Lane, NotApplied
from factory.model.moments import moment_of


@dataclass(frozen=True)
class Row:
    """One open item, as people ask about it."""

    id: str
    title: str
    lane: Lane
    state: str  # ready | waiting | running | stalled | invalid
    since: datetime | None
    note: str
    labels: tuple[str, ...] = ()
    priority: int | None = None
    run: int = 0
    round: int = 1
    contract: str | None = None
    not_applied: NotApplied | None = None  # why what was approved is not applied

    def as_json(self) -> dict[str, object]:
        """The row for programs."""
        since = rfc3339(self.since) if self.since else None
        return {**self.__dict__, "lane": str(self.lane), "labels": list(self.labels), "since": since}


@dataclass(frozen=True)
class Status:
    """The whole queue at one commit."""

    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]
    done_today: int
    orchestrator: str  # who holds the lock; empty when nobody does
    breakers: tuple[BreakerState, ...] = ()  # those that are not closed

    def count(self, lane: Lane) -> int:
        """How many items lie in an open lane."""
        return sum(row.lane is lane for row in self.rows)


def status(surveyor: Surveyor, survey: Survey) -> Status:
    """What is where at a survey's commit. Reads only."""
    orchestrator = str(holder(surveyor.repository.state) or "")
    waiting = {outlook.id: outlook for outlook in outlooks(surveyor, survey)}
    problems = list(survey.problems)
    for edits in look(surveyor, survey):
        problems.extend(edits.problems)
    rows: list[Row] = []
    for case in survey.cases.values():
        if case.lane in (Lane.INBOX, Lane.REWORK):
            outlook = waiting[case.id]
            word = "ready" if outlook.start else "invalid" if case.problem else "waiting"
            rows.append(_row(surveyor, survey, case, word, outlook.reason or "starts with the next tick"))
        elif case.lane is Lane.ACTIVE:
            rows.append(_active(surveyor, survey, case))
        elif case.lane is Lane.REVIEW:
            row, found = _in_review(surveyor, survey, case)
            rows.append(row)
            problems.extend(found)
        elif case.lane is Lane.BLOCKED:
            note = case.problem or case.history.reason or "moved here by hand"
            rows.append(_row(surveyor, survey, case, "waiting", note))
    order = list(Lane)
    rows.sort(key=lambda row: (order.index(row.lane), row.since or survey.now, row.id))
    today = f"queue/done/{survey.now.astimezone(UTC):%Y-%m-%d}"
    done = len(surveyor.repository.objects.folder(survey.tree, today))
    breakers = tuple(state for state in survey.breakers.values() if state.state is not State.CLOSED)
    return Status(tuple(rows), tuple(dict.fromkeys(problems)), done, orchestrator, breakers)


def _row(
    surveyor: Surveyor, survey: Survey, case: Case, state: str, note: str, not_applied: NotApplied | None = None
) -> Row:
    arrival = surveyor.arrivals(survey).get(case.placed.path)
    since = case.history.since or (moment_of(arrival.at) if arrival else None)
    item = case.item
    return Row(
        id=case.id,
        title=item.title if item else "",
        lane=case.lane,
        state=state,
        since=since,
        note=note.splitlines()[0] if note else "",
        labels=item.labels if item else (),
        priority=item.priority if item else None,
        run=case.history.run,
        round=case.history.round,
        contract=case.contract_name,
        not_applied=not_applied or (case.history.entries[-1].not_applied if case.history.entries else None),
    )


def _active(surveyor: Surveyor, survey: Survey, case: Case) -> Row:
    """Running shows signs of life; stalled does not, or nobody holds the lease any more."""
    if case.unread:
        return _row(surveyor, survey, case, "invalid", case.problem)
    heart = surveyor.repository.state / "heartbeats" / case.id
    lease = case.history.lease
    if lease and lease.owner != owner_of(surveyor.repository) and lease.expires_at > survey.now:
        return _row(surveyor, survey, case, "running", f"{lease.owner} has it until {rfc3339(lease.expires_at)}")
    if not heart.exists():
        return _row(surveyor, survey, case, "stalled", "nobody works on it; the next tick takes it back")
    silent = survey.now.timestamp() - heart.stat().st_mtime
    allowed = survey.policy.silence_s(case.contract.limits) if case.contract else 0.0
    word = "stalled" if allowed is not None and silent > allowed else "running"
    return _row(surveyor, survey, case, word, f"last sign of life {max(0, int(silent))} s ago")


def _in_review(surveyor: Surveyor, survey: Survey, case: Case) -> tuple[Row, tuple[Problem, ...]]:
    judged = judge(surveyor, survey, case)
    if isinstance(judged, str):
        return _row(surveyor, survey, case, "invalid", judged), ()
    ruling = judged.ruling
    if judged.problems:
        return _row(surveyor, survey, case, "waiting", f"refused: {judged.problems[0]}"), judged.problems
    if ruling.event is Event.FINISH:
        found = hindrance(surveyor.repository, survey, judged)
        if found and found[0] is not NotApplied.TARGET_MOVED:
            return _row(surveyor, survey, case, "waiting", f"approved, but {found[1]}", found[0]), ()
        if found:
            return _row(surveyor, survey, case, "ready", f"{ruling.reason}; {found[1]}", found[0]), ()
        return _row(surveyor, survey, case, "ready", f"{ruling.reason}; applied with the next tick"), ()
    if ruling.event is None:
        return _row(surveyor, survey, case, "waiting", ruling.reason), ()
    return _row(surveyor, survey, case, "ready", f"{ruling.event} with the next tick: {ruling.reason}"), ()
