"""Still: until when a pass would find what one has found that had nothing to do, if nobody changes anything."""

from datetime import datetime, timedelta

from factory.execution.cell.sandbox import sandbox
from factory.line.context import Context
from factory.line.orchestrator import PassReport
from factory.line.snapshot import Snapshot
from factory.model.errors import UnusableError
from factory.model.moments import midnight
from factory.model.policy import Policy


def same_until(context: Context, snapshot: Snapshot, report: PassReport) -> datetime | None:
    """When something comes due by itself, at the latest the next day; None when the next pass may do something.

    What hangs on more than the repository and the time never stands still: what is at work, here or elsewhere, what
    is approved and does not land, what lacks a sandbox, and whatever is wrong with a file.
    """
    runs = context.runs
    at_work = runs.busy or runs.apply_failures or context.riding or snapshot.at_work() or snapshot.lost
    moving = report.commits or report.waiting or report.problems or any(entry.start for entry in report.schedule)
    if at_work or moving or not _has_its_sandbox(snapshot.policy):
        return None
    tomorrow = midnight(snapshot.now) + timedelta(days=1)
    return min([tomorrow, *(entry.until for entry in report.schedule if entry.until)])


def _has_its_sandbox(policy: Policy) -> bool:
    try:
        sandbox(policy.sandbox)
    except UnusableError:
        return False
    return True
