"""Reconcile: make the journal agree with the folder, which is the state, and let go of what nobody holds any more."""

from collections.abc import Container, Iterator
from dataclasses import replace
from functools import partial

from factory.execution.agents.workspaces import with_folder
from factory.line.context import Context
from factory.line.intake.answers import answers_of, honour_answers
from factory.line.review.proposals import restore_proposal
from factory.line.runs import Running
from factory.line.snapshot import ItemState, Snapshot
from factory.line.writer import Move
from factory.model.errors import Problem
from factory.model.events import Blocked, Cancelled, Noticed, Released, RunSummary, Unblocked, by_hand
from factory.model.journal import History
from factory.model.layout import item_path, item_pathspec, journal_path
from factory.model.lifecycle import Lane, human_event
from factory.model.mission.events import Resumed
from factory.store.queue import Placed
from factory.store.repository.objects import name_of
from factory.store.repository.refs import NOTHING, RefUpdate
from factory.store.repository.repository import Deleted, branch_of

_WITH_PROPOSAL = frozenset({Lane.REVIEW, Lane.REWORK, Lane.BLOCKED})


def reconcile(context: Context, snapshot: Snapshot) -> list[Problem]:
    """Record what people moved and answered, release what nobody holds, show every proposal; what is wrong with it."""
    problems = list(snapshot.problems)
    snapshot, unanswered = honour_answers(context, record_moves(context, snapshot))
    snapshot = release_dead(context, snapshot)
    show_proposals(context, snapshot)
    context.writer.once_published(partial(leave_finished, context, snapshot))
    context.writer.publish()
    return [*problems, *unanswered]


def record_moves(context: Context, snapshot: Snapshot) -> Snapshot:
    """Record what people did to items' files by hand: every move, every end, every file that was deleted.

    Where a run is under way for such an item it is stopped first, and its cost stands in the entry.
    """
    return snapshot.after(*_honour_moves(context, snapshot), *_bring_back_lost(context, snapshot))


def _honour_moves(context: Context, snapshot: Snapshot) -> list[ItemState]:
    moved: list[ItemState] = []
    for state in snapshot.items.values():
        if not state.unread and not state.recorded and _ended(context, state.id):
            with context.isolating(state):
                moved.append(_honour(context, snapshot, state))
    return moved


def _ended(context: Context, item_id: str) -> bool:
    """Whether no run is at work on an item. One that is will be stopped, and its end makes the next pass."""
    running = context.runs.running.get(item_id)
    if running is None or running.future.done():
        return True
    context.writer.once_published(partial(context.runs.stop, item_id))
    return False


def _work(context: Context, item_id: str, history: History) -> RunSummary | None:
    """What an ended run has cost, and how it went, that no entry tells yet."""
    for running, outcome in context.runs.ended_runs():
        if running.request.item_id == item_id and running.is_of(history, context.owner):
            return outcome.summary()
    return None


def _honour(context: Context, snapshot: Snapshot, state: ItemState) -> ItemState:
    who = context.repository.last_author(snapshot.head, state.placed.path) or context.me
    under_way = state.history.mission.under_way
    event = human_event(state.history.lane or Lane.INBOX, state.lane, under_way=under_way)
    payload = by_hand(event, state.lane, f"moved by {who}", _work(context, state.id, state.history))
    if isinstance(payload, Unblocked | Resumed):  # with what was answered before it was moved
        payload = replace(payload, answers=answers_of(context, snapshot, state) or {})
    # Wherever it lies by now, it came through the inbox, and whoever brought it there submitted it.
    arrival = context.reader.arrivals(snapshot).get(item_path(Lane.INBOX, state.id))
    return context.writer.move(state, Move(payload, actor=who), snapshot.listing.opened, arrival)


def _bring_back_lost(context: Context, snapshot: Snapshot) -> list[ItemState]:
    """An item that is under way and whose file was deleted comes back in blocked: only a person ends an item."""
    moved: list[ItemState] = []
    for item_id, history in snapshot.lost.items():
        if history.lane is Lane.DONE or not _ended(context, item_id):
            continue
        if finished := context.reader.artifacts.done_day(snapshot.tree, item_id):
            _tell_of_both(context, snapshot, item_id, finished)
            continue  # another clone has finished it, and a merge brought both: its journal there says all
        day = context.reader.queue.done_day(snapshot.tree, item_id)
        if day:
            moved.append(_record_end(context, snapshot, item_id, day))
            continue
        found = context.repository.last_deleted(snapshot.head, item_pathspec(item_id)) if history.lane else None
        if found is not None:
            moved.append(_bring_back(context, snapshot, item_id, found))
    return moved


def _tell_of_both(context: Context, snapshot: Snapshot, item_id: str, day: str) -> None:
    """Say of an item that is at its end in one clone, and has been moved in another, that it is, when that is new."""
    mine, ended = journal_path(item_id), journal_path(item_id, day)
    said = f"is done in one clone, and another had moved it: what {mine} tells counts for nothing; factory audit"
    if f"{item_id} {said}" in context.warned:
        return
    context.warned.add(f"{item_id} {said}")
    objects, commit = context.repository.objects, snapshot.head
    for _ in range(context.writer.commits + 1):  # new: it came with the head that was found, or since
        parent = next(iter(objects.commit(commit).parents), None)
        if parent is None:
            return
        tree = objects.commit(parent).tree
        if not (objects.find(tree, mine) and objects.find(tree, ended)):
            context.tell(Noticed(said, item_id))
            return
        commit = parent


def _bring_back(context: Context, snapshot: Snapshot, item_id: str, found: Deleted) -> ItemState:
    path = item_path(Lane.BLOCKED, item_id)
    reason = f"its file was deleted by {found.by}; factory cancel {item_id} ends it"
    context.writer.take_in(context.me, {path: found.content}, f"factory: bring back {item_id}, which a commit deleted")
    history = snapshot.lost[item_id]
    state = ItemState(Placed(item_id, Lane.BLOCKED, path, name_of("blob", found.content)), None, history)
    if history.lane is Lane.BLOCKED:
        return state
    blocked = Blocked(reason=reason, summary=_work(context, item_id, history))
    return context.writer.move(state, Move(blocked), snapshot.listing.opened)


def _record_end(context: Context, snapshot: Snapshot, item_id: str, day: str) -> ItemState:
    """A person put the item right among the finished ones of a day."""
    path = item_path(Lane.DONE, item_id, day)
    entry = context.repository.objects.find(snapshot.tree, path)
    assert entry is not None
    history = snapshot.lost[item_id]
    who = context.repository.last_author(snapshot.head, path) or context.me
    cancelled = Cancelled(reason=f"moved by {who}", summary=_work(context, item_id, history))
    state = ItemState(Placed(item_id, Lane.DONE, path, entry.oid), None, history)
    arrival = context.reader.arrivals(snapshot, ever=not history.entries).get(item_path(Lane.INBOX, item_id))
    return context.writer.move(state, Move(cancelled, actor=who), snapshot.listing.opened, arrival)


def release_dead(context: Context, snapshot: Snapshot) -> Snapshot:
    """Take back every active item that nobody works on; stop the runs whose item's text, or whose claim, is another."""
    for item_id, running in context.runs.running.items():
        if _is_over(context, snapshot, running):
            context.writer.once_published(partial(context.runs.stop, item_id))
    released: list[ItemState] = []
    for state, payload in abandoned(snapshot, context.runs.running, context.owner):
        with context.isolating(state):
            released.append(context.writer.move(state, Move(payload)))
    return snapshot.after(*released)


def _is_over(context: Context, snapshot: Snapshot, running: Running) -> bool:
    """Whether what a run is about is no longer what is claimed: so it is where what another clone did was pulled."""
    item_id = running.request.item_id
    state = snapshot.items.get(item_id)
    if state is None:  # finished, or never begun
        return item_id not in snapshot.lost and item_id not in context.reader.artifacts.ids(snapshot.tree)
    lease = state.history.lease
    if state.unread or not state.recorded:
        return False  # what a person did to it is honoured on its own
    if state.item is not None and snapshot.policy.tracker.held_back(state.item, running.request.lane):
        return True  # the policy asks for another label by now, or for nothing of its lane
    return not running.is_of(state.history, context.owner) or (lease is not None and lease.item != state.placed.blob)


def abandoned(snapshot: Snapshot, at_work: Container[str], owner: str) -> Iterator[tuple[ItemState, Released]]:
    """The active items that nobody works on any more. A look.

    Not those `at_work` here, nor those on which another owner's lease still holds.
    """
    for state in snapshot.at_work():
        lease = state.history.lease
        held = lease is not None and lease.owner != owner and lease.holds(snapshot.now)
        if state.recorded and not state.unread and not held and state.id not in at_work:
            said = "nobody works on it: the orchestrator that held the lease is gone" if lease else "nobody works on it"
            yield state, Released(to=state.came_from, reason=said, summary=RunSummary(owner=owner))


def leave_finished(context: Context, snapshot: Snapshot) -> None:
    """Let the workspaces go of items that are finished; one that is neither open nor done keeps its own."""
    for item_id in with_folder(context.cells) if snapshot.policy.workspace.keep else ():
        if item_id not in snapshot.items and context.reader.queue.done_day(snapshot.tree, item_id):
            said = context.runs.leave(item_id, snapshot.policy)
            if said and f"{item_id}: {said}" not in context.warned:
                context.warned.add(f"{item_id}: {said}")
                context.tell(Noticed(f"its workspace stays: {said}", item_id))


def show_proposals(context: Context, snapshot: Snapshot) -> None:
    """Put the proposals of open items on their branches where these are missing, as in a clone of the branch alone."""
    for state in snapshot.items.values():
        proposal, branch = state.history.proposal, branch_of(state.id)
        if state.history.mission.under_way:
            continue  # its plan is merged
        if proposal and state.lane in _WITH_PROPOSAL and context.writer.head_of(branch) is None:
            with context.isolating(state):
                restore_proposal(context.reader, snapshot, state, proposal)
                context.writer.also(RefUpdate(branch, NOTHING, proposal))
