"""Liveness: whether somebody works on an item, and at what."""

from pathlib import Path

from factory.line.lock import Holder, owner_of
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.moments import rfc3339
from factory.store.state import HEARTBEATS

_STALLED = "stalled", "nobody works on it; the next tick takes it back"


def liveness(reader: SnapshotReader, snapshot: Snapshot, state: ItemState, holder: Holder | None) -> tuple[str, str]:
    """(state, note) of an active item: running shows signs of life; stalled does not, or nobody holds the lease."""
    lease = state.history.lease
    if lease and lease.owner != owner_of(reader.repository) and lease.holds(snapshot.now):
        until = f"its lease, to be renewed, holds until {rfc3339(lease.held_until)}"
        return "running", f"another clone ({lease.owner}) is at work; {until}"
    if holder is None or lease is None:
        return _STALLED
    heart = heart_of(reader, state.id)
    try:
        doing, silent = heart.read_text(), snapshot.now.timestamp() - heart.stat().st_mtime
    except OSError:
        return "running", "its run has ended; the pass that is under way takes its result in"
    allowed = snapshot.policy.silence_s(state.contract.limits) if state.contract else 0.0
    sign = f"last sign of life {max(0, int(silent))} s ago"
    if allowed is not None and silent > allowed:
        return "stalled", sign
    condition, what = parted(doing)
    return condition, f"{what}; {sign}" if what else sign


def heart_of(reader: SnapshotReader, item_id: str) -> Path:
    """The file that a run touches as long as it lives."""
    return reader.repository.state / HEARTBEATS / item_id


def parted(doing: str) -> tuple[str, str]:
    """(state, what is being done) of what a run says of itself: the worker's own part says nothing."""
    state, _, what = doing.partition(" ")
    return state or "running", what
