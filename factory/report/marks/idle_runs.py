"""Idle runs: workers that print and print, and have changed no file. Seen on this machine alone, while they work."""

from datetime import timedelta

from factory.execution.cell.pool import worktree_of
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.lifecycle import Event
from factory.report.marks.mark import Mark, MarkKind
from factory.report.marks.reviewers import in_hours
from factory.store.state import LIVE

_SHARE = 0.5  # of the time that its contract gives it: until then it may well read and think
_MOST_FILES = 20_000  # that are looked at


def idle_run(reader: SnapshotReader, snapshot: Snapshot, state: ItemState) -> Mark | None:
    """The mark of a run that has had half of its time, has printed something and has changed nothing; else None.

    Only where a patch is asked for, and where the run has a cell of its own here.
    """
    begun = next((entry.at for entry in reversed(state.history.entries) if entry.event is Event.START), None)
    contract = state.contract
    if begun is None or contract is None or not contract.produces.patch.required or snapshot.policy.workspace.keep:
        return None
    worked = snapshot.now - begun
    if worked < timedelta(minutes=contract.limits.minutes) * _SHARE:
        return None
    try:
        printed = (reader.repository.state / LIVE / state.id).stat().st_size
        worktree = worktree_of(reader.repository, state.id) if printed else None
        if worktree is None or not worktree.is_untouched(_MOST_FILES):
            return None
    except OSError:
        return None  # it has just ended, or its files change while one looks
    reason = f"its worker has printed {printed} bytes in {in_hours(worked)}, and has changed no file"
    return Mark(MarkKind.CHANGES_NOTHING, reason, f"factory logs {state.id}", local=True)
