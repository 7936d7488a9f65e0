"""Status: what is where, since when, and waiting for what."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC

from factory.line.desk import look
from factory.line.hindrance import hindrance
from factory.line.judge import judge
from factory.line.lock import holder
from factory.line.plan import Outlook, outlooks
from factory.line.survey import Case, Survey, Surveyor
from factory.model.breaker import BreakerState, State
from factory.model.canary import Canary, rules_of
from factory.model.errors import InvalidFile, Problem
from factory.model.lifecycle import Event, Lane, NotApplied
from factory.report.noted import noted
from factory.report.row import Row, row_of
from factory.report.signs import heart_of, parted, signs_of_life
from factory.store import files
from factory.store.canaries import Canaries


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

    def count(self, lane: Lane) -> int:
        """How many items lie in an open lane."""
        return sum(row.lane is lane for row in self.rows)


def status(surveyor: Surveyor, survey: Survey) -> Status:
    """What is where at a survey's commit, and what the next pass takes in. Reads only."""
    held_by = holder(surveyor.repository.state)
    waiting = {outlook.id: outlook for outlook in outlooks(surveyor, survey)}
    edits = look(surveyor, survey)
    problems = [*survey.problems, *(problem for each in edits for problem in each.problems)]
    rows: list[Row] = []
    for case in survey.cases.values():
        if case.lane in (Lane.INBOX, Lane.REWORK):
            rows.append(_in_line(surveyor, survey, case, waiting[case.id]))
        elif case.lane is Lane.ACTIVE and case.unread:
            rows.append(row_of(surveyor, survey, case, "invalid", case.problem))
        elif case.lane is Lane.ACTIVE:
            rows.append(row_of(surveyor, survey, case, *signs_of_life(surveyor, survey, case, held_by)))
        elif case.lane is Lane.REVIEW:
            row, found = _in_review(surveyor, survey, case, at_work=held_by is not None)
            rows.append(row)
            problems.extend(found)
        elif case.lane is Lane.BLOCKED:
            rows.append(row_of(surveyor, survey, case, "waiting", _why_blocked(case)))
    coming = noted(surveyor, survey, edits)
    problems.extend(coming.problems)
    rows = [_with_note(row, coming.of_items.get(row.id, "")) for row in rows] + coming.new
    busy = surveyor.repository.busy(surveyor.branch, survey.policy.target_branch)
    crowded = {outlook.id for outlook in waiting.values() if outlook.crowded}
    rows = [_waiting_for(row, busy) if row.state == "ready" or row.id in crowded else row for row in rows]
    order = list(Lane)
    rows.sort(key=lambda row: (order.index(row.lane), row.since or survey.now, row.id))
    today = f"queue/done/{survey.now.astimezone(UTC):%Y-%m-%d}"
    done = len(surveyor.repository.objects.folder(survey.tree, today))
    breakers = tuple(state for state in survey.breakers.values() if state.state is not State.CLOSED)
    canaries = tuple(canary for canary in canaries_of(surveyor, survey) if canary.silent)
    return Status(tuple(rows), tuple(dict.fromkeys(problems)), done, str(held_by or ""), breakers, canaries, busy)


def canaries_of(surveyor: Surveyor, survey: Survey) -> Iterator[Canary]:
    """What was found last of each contract, as long as it says the same."""
    for name, canary in sorted(Canaries(surveyor.repository.state).newest().items()):
        try:
            contract = surveyor.library.contract(survey.tree, name)
        except InvalidFile:
            continue  # told among the problems
        if contract is not None and rules_of(contract) == canary.rules:
            yield canary


def _in_line(surveyor: Surveyor, survey: Survey, case: Case, outlook: Outlook) -> Row:
    word = "ready" if outlook.start else "invalid" if case.problem else "waiting"
    return row_of(surveyor, survey, case, word, outlook.reason or "starts with the next tick")


def _why_blocked(case: Case) -> str:
    """Why an item is blocked, and how a person answers a worker that asks."""
    reason = case.problem or case.history.reason or "moved here by hand"
    last = case.history.entries[-1] if case.history.entries else None
    asks = last is not None and last.event is Event.BLOCK and last.source is Lane.ACTIVE and last.failure is None
    if case.problem or not asks:
        return reason
    return f"{reason.splitlines()[0]} (say more in the item, {case.placed.path}, then factory retry {case.id})"


def _with_note(row: Row, note: str) -> Row:
    """A row, with what a person has said of it in the meantime."""
    return replace(row, state="ready", note=note) if note else row


def _waiting_for(row: Row, busy: str) -> Row:
    """A row that only a person's own git work keeps where it is."""
    return replace(row, state="waiting", note=f"waits: {busy}") if busy else row


def _in_review(surveyor: Surveyor, survey: Survey, case: Case, *, at_work: bool) -> tuple[Row, tuple[Problem, ...]]:
    again = files.read_regular(heart_of(surveyor, case.id)) if at_work else None
    if again:  # the target has moved, so what was proven is proven anew
        state, what = parted(again.decode(errors="replace"))
        return row_of(surveyor, survey, case, state, what), ()
    judged = judge(surveyor, survey, case)
    if isinstance(judged, str):
        return row_of(surveyor, survey, case, "invalid", judged), ()
    ruling = judged.ruling
    if judged.problems:
        return row_of(surveyor, survey, case, "waiting", f"refused: {judged.problems[0]}"), judged.problems
    if ruling.event is Event.FINISH:
        found = hindrance(surveyor.repository, survey, judged)
        if found and found[0] is not NotApplied.TARGET_MOVED:
            return row_of(surveyor, survey, case, "waiting", f"approved, but {found[1]}", found[0]), ()
        if found:
            return row_of(surveyor, survey, case, "ready", f"{ruling.reason}; {found[1]}", found[0]), ()
        return row_of(surveyor, survey, case, "ready", f"{ruling.reason}; applied with the next tick"), ()
    if ruling.event is None:
        return row_of(surveyor, survey, case, "waiting", ruling.reason), ()
    return row_of(surveyor, survey, case, "ready", f"{ruling.event} with the next tick: {ruling.reason}"), ()
