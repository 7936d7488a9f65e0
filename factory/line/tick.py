"""Tick: one pass, or as many as it takes until nothing can move, with the runs that they start waited for."""

from collections.abc import Callable, Iterator

from factory.line.dispatch.schedule import ScheduleEntry
from factory.line.leases.renew import due_in_s
from factory.line.orchestrator import Orchestrator, PassReport
from factory.line.runs import Runs
from factory.model.errors import BusyError
from factory.model.events import ComesDue, Noticed

_PATIENCE_S = 60.0  # for a git command that keeps a run's outcome from being committed
_LOOK_S = 1.0


def tick(
    orchestrator: Orchestrator,
    *,
    drain: bool = False,
    most: int | None = None,
    patience: float = 0.0,
    waiting: Callable[[Runs], None] = lambda _: None,
) -> PassReport:
    """One pass, then wait for the workers it started and take their deliveries as far as they go.

    With `drain` until nothing can move, or comes due within `patience` seconds. `waiting` is called about once a
    second as long as workers run. Raises StopRequested.
    """
    report = orchestrator.one_pass(most=most)
    total = report.commits
    awaited: set[ScheduleEntry] = set()
    while True:
        for more in _while_at_work(orchestrator, waiting, may_start=drain, most=most):
            total += more.commits
            report = more if drain else PassReport(0, report.schedule, more.problems, more.waiting)
        if not drain or (report.commits == 0 and not _wait_until_due(orchestrator, report, patience, awaited)):
            break
        report = orchestrator.one_pass(most=most)
        total += report.commits
    if total:
        orchestrator.tidy()
    return PassReport(total, report.schedule, report.problems, report.waiting)


def _wait_until_due(
    orchestrator: Orchestrator, report: PassReport, patience: float, awaited: set[ScheduleEntry]
) -> bool:
    """Wait for the next item whose waiting ends by itself; False when there is none, or it takes too long."""
    context = orchestrator.context
    ahead = [(each.until, each) for each in report.schedule if each.until and each not in awaited]
    until, entry = min(ahead, key=lambda pair: pair[0], default=(None, None))
    if until is None or entry is None or (until - context.system.now()).total_seconds() > patience:
        return False
    awaited.add(entry)
    context.tell(ComesDue(entry.id, until))
    while (left := (until - context.system.now()).total_seconds()) > 0:
        context.wakeup.wait(min(left, _LOOK_S))
        orchestrator.raise_if_stopped()
    return True


def _while_at_work(
    orchestrator: Orchestrator, waiting: Callable[[Runs], None], *, may_start: bool, most: int | None
) -> Iterator[PassReport]:
    """A pass when a run has ended or has to be renewed, until none is under way. A git in the way is waited for."""
    context = orchestrator.context
    runs, until, said, woken = context.runs, None, "", False
    while runs.busy:
        woken = woken or context.wakeup.wait(_LOOK_S)
        orchestrator.raise_if_stopped()
        by_clock = not woken and until is None and _under_way(runs)
        if by_clock and due_in_s(runs) != 0:
            waiting(runs)
            continue
        woken = False
        try:
            report = orchestrator.one_pass(may_start=may_start, most=most)
        except BusyError as error:
            said = _tell_once(orchestrator, error.message, said)
            if by_clock:
                continue  # nothing has ended that waits to be written down, and what cannot be renewed ends by itself
            until = until or context.system.monotonic() + _PATIENCE_S
            if context.system.monotonic() > until:
                raise
            continue
        said = _tell_once(orchestrator, report.waiting, said)
        kept = report.waiting and not by_clock
        until = (until or context.system.monotonic() + _PATIENCE_S) if kept else None
        if until is not None and context.system.monotonic() > until:
            raise BusyError(report.waiting, "finish or abort it, then factory tick")
        yield report
        if runs.busy and until is None and not _under_way(runs):
            woken = context.wakeup.wait(_LOOK_S)
            if not woken:
                return  # what has ended is kept for a person, who has to mend a journal first


def _under_way(runs: Runs) -> bool:
    """Whether anything has not ended yet, or has ended and not been looked at by a pass."""
    at_work = any(not running.future.done() for running in runs.running.values())
    return at_work or bool(runs.rechecking) or bool(runs.applying)


def _tell_once(orchestrator: Orchestrator, in_the_way: str, said: str) -> str:
    """Tell what a pass waits for, unless that was the last thing said of it; what is said of it now."""
    if in_the_way and in_the_way != said:
        orchestrator.context.tell(Noticed(f"waits: {in_the_way}"))
    return in_the_way
