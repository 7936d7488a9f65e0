"""Renew: the leases of all runs that are under way in a clone, in one commit, once one of them is half over."""

from collections.abc import Iterator
from functools import partial

from factory.line.context import Context
from factory.line.runs import Running, Runs
from factory.line.snapshot import Snapshot
from factory.model.events import Noticed
from factory.model.lease import LEASE, STOPPED, Renewal
from factory.model.text import counted
from factory.store.leases import renewals_in

_OVER = f"is stopped: the remote took no renewal of its lease for {STOPPED.total_seconds() / 60:.0f} minutes"


def renew(context: Context, snapshot: Snapshot) -> None:
    """Renew the leases of all runs under way here if one is due; what others wrote and is over goes with it."""
    held = list(_held(context, snapshot)) if context.synced else []
    if not any(running.hold.due_in_s == 0 for running in held):
        return
    since, now = context.system.monotonic(), context.system.now()  # in this order: rather too early than too late
    runs = {running.request.item_id: running.request.run for running in held}
    renewal = Renewal(owner=context.owner, expires_at=now + LEASE, runs=runs)
    known, _ = renewals_in(context.repository.objects, snapshot.tree)
    over = {path: None for path, each in known.items() if now > each.over_at}
    files = {**over, renewal.path: renewal.file()}
    context.writer.take_in(context.me, files, f"factory: renew {counted(len(held), 'lease')}")
    for running in held:
        context.writer.once_published(partial(running.hold.renewed, since))
    context.writer.publish()


def _held(context: Context, snapshot: Snapshot) -> Iterator[Running]:
    """The runs under way here whose claims hold."""
    for item_id, running in context.runs.running.items():
        state = snapshot.items.get(item_id)
        ours = state is not None and running.is_of(state.history, context.owner)
        if ours and running.hold.due_in_s is not None and not running.future.done():
            yield running


def due_in_s(runs: Runs) -> float | None:
    """Seconds until a pass should be made because a lease is to be renewed; None where none is."""
    return min((left for each in runs.running.values() if (left := each.hold.due_in_s) is not None), default=None)


def tell_of_stopped(context: Context) -> None:
    """Say of each run once that its lease could not be renewed."""
    for item_id, running in context.runs.running.items():
        said = f"{item_id} {running.request.run} {_OVER}"
        if running.hold.is_set() and running.hold.ran_out and said not in context.warned:
            context.warned.add(said)
            context.tell(Noticed(f"run {running.request.run} {_OVER}", item_id))
