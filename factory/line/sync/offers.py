"""Offers: the branches of accepted items, which the remote is to hold for whoever merges them.

They are pushed once the remote has accepted that the items are finished, and again with each pass until it has them.
"""

from factory.line.context import Context
from factory.line.snapshot import Snapshot
from factory.model.lifecycle import Outcome
from factory.store.repository.repository import WORK_PREFIX


def offer_accepted(context: Context, snapshot: Snapshot) -> None:
    """Push what has not been, as far as this clone has its branches."""
    exchange = context.writer.exchange
    for reference in context.repository.references(f"refs/heads/{WORK_PREFIX}") if exchange else ():
        branch = reference.removeprefix("refs/heads/")
        item_id, tip = branch.removeprefix(WORK_PREFIX), context.repository.head(branch)
        if exchange is None or tip is None or item_id in snapshot.items or exchange.is_offered(branch, tip):
            continue
        if context.reader.outcome_of(snapshot.tree, item_id) is Outcome.ACCEPTED:
            exchange.offer(branch, tip)
