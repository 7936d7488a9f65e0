"""Leftovers: branches of proposals that another clone has finished, or made another round of."""

from factory.line.context import Context
from factory.line.snapshot import Snapshot
from factory.model.errors import Problem
from factory.model.lifecycle import Outcome
from factory.store.repository.refs import NOTHING, RefUpdate
from factory.store.repository.repository import WORK_PREFIX, branch_of


def clear_leftovers(context: Context, snapshot: Snapshot) -> list[Problem]:
    """Let go of branches of finished items, and of those that hold an earlier proposal, as their clone did.

    Not of one that a person has checked out, or that was accepted for a person to merge. Reconcile shows the present
    proposal of what is open.
    """
    for reference in context.repository.references(f"refs/heads/{WORK_PREFIX}"):
        item_id = reference.removeprefix(f"refs/heads/{WORK_PREFIX}")
        state, branch = snapshot.items.get(item_id), branch_of(item_id)
        tip = context.repository.head(branch)
        if state is not None:
            over = tip != state.history.proposal and tip in {entry.proposal for entry in state.history.entries}
        else:
            over = context.reader.outcome_of(snapshot.tree, item_id) not in (None, Outcome.ACCEPTED)
        if over and tip and context.repository.view_of(branch) is None:
            context.writer.also(RefUpdate(branch, tip, NOTHING))
    context.writer.publish()
    return []
