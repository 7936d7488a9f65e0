"""Reconcile: make the journal agree with the folder, which is the state, and let go of what nobody holds any more."""

from factory.line.context import Context
from factory.line.review.proposals import ensure
from factory.line.snapshot import ItemState, Snapshot
from factory.line.writer import Move
from factory.model.lifecycle import Event, Lane, Outcome, human_event
from factory.store.queue import Placed, lane_path
from factory.store.repository.objects import name_of
from factory.store.repository.refs import NOTHING, RefUpdate
from factory.store.repository.repository import Deleted, branch_of

_WITH_PROPOSAL = frozenset({Lane.REVIEW, Lane.REWORK, Lane.BLOCKED})


def honour_moves(context: Context, snapshot: Snapshot) -> None:
    """Record every move that a person made by hand."""
    for state in list(snapshot.items.values()):
        expected = state.history.lane or Lane.INBOX
        if not state.unread and state.lane is not expected:
            with context.isolating(state):
                _honour(context, snapshot, state, expected)


def _honour(context: Context, snapshot: Snapshot, state: ItemState, expected: Lane) -> None:
    who = context.repository.last_author(snapshot.head, state.placed.path) or context.me
    event = human_event(expected, state.lane)
    details: dict[str, object] = {"reason": f"moved by {who}"}
    if event is Event.CANCEL:
        details["outcome"] = Outcome.CANCELLED
    # Wherever it lies by now, it came through the inbox, and whoever brought it there submitted it.
    arrival = context.reader.arrivals(snapshot).get(lane_path(Lane.INBOX, state.id))
    move = Move(event, state.lane, details, actor=who)
    snapshot.items[state.id] = context.writer.move(state, move, snapshot.listing.verdicts, arrival)
    if state.id in context.runs.running:
        context.runs.stop(state.id)


def bring_back_lost(context: Context, snapshot: Snapshot) -> None:
    """An item that is under way and whose file was deleted comes back in blocked: only a person ends an item."""
    for item_id, history in snapshot.lost.items():
        if history.lane is None or history.lane is Lane.DONE:
            continue
        day = context.reader.queue.done_day(snapshot.tree, item_id)
        if day:
            _record_end(context, snapshot, item_id, day)
            continue
        found = context.repository.last_deleted(snapshot.head, f"queue/*/{item_id}.yaml")
        if found is not None:
            _bring_back(context, snapshot, item_id, found)


def _bring_back(context: Context, snapshot: Snapshot, item_id: str, found: Deleted) -> None:
    path = lane_path(Lane.BLOCKED, item_id)
    reason = f"its file was deleted by {found.by}; factory cancel {item_id} ends it"
    context.writer.take_in(context.me, {path: found.content}, f"factory: bring back {item_id}, which a commit deleted")
    history = snapshot.lost[item_id]
    if history.lane is not Lane.BLOCKED:
        state = ItemState(Placed(item_id, Lane.BLOCKED, path, name_of("blob", found.content)), None, history)
        context.writer.move(state, Move(Event.BLOCK, Lane.BLOCKED, {"reason": reason}), snapshot.listing.verdicts)


def _record_end(context: Context, snapshot: Snapshot, item_id: str, day: str) -> None:
    """A person put the item right among the finished ones of a day."""
    path = lane_path(Lane.DONE, item_id, day)
    entry = context.repository.objects.find(snapshot.tree, path)
    assert entry is not None
    history = snapshot.lost[item_id]
    who = context.repository.last_author(snapshot.head, path) or context.me
    details: dict[str, object] = {"reason": f"moved by {who}", "outcome": Outcome.CANCELLED}
    state = ItemState(Placed(item_id, Lane.DONE, path, entry.oid), None, history)
    context.writer.move(state, Move(Event.CANCEL, Lane.DONE, details, actor=who), snapshot.listing.verdicts)
    if item_id in context.runs.running:
        context.runs.stop(item_id)


def release_dead(context: Context, snapshot: Snapshot) -> None:
    """Take back every active item that no run in this process works on, unless another clone's lease still holds."""
    for state in snapshot.in_lane(Lane.ACTIVE):
        if state.unread:
            continue
        running = context.runs.running.get(state.id)
        if running is not None:
            if state.history.lease and state.history.lease.item != state.placed.blob:
                context.runs.stop(state.id)
            continue
        lease = state.history.lease
        if lease and lease.owner != context.owner and lease.expires_at > snapshot.now:
            continue
        reason = "nobody works on it: the orchestrator that held the lease is gone" if lease else "nobody works on it"
        with context.isolating(state):
            context.writer.move(state, Move(Event.RELEASE, state.came_from, {"reason": reason}))


def show_proposals(context: Context, snapshot: Snapshot) -> None:
    """Put the proposals of open items on their branches where these are missing, as in a clone of the branch alone."""
    for state in snapshot.items.values():
        proposal, branch = state.history.proposal, branch_of(state.id)
        if proposal and state.lane in _WITH_PROPOSAL and context.repository.head(branch) is None:
            with context.isolating(state):
                ensure(context.reader, snapshot, state, proposal)
                context.writer.also(RefUpdate(branch, NOTHING, proposal))
