"""Apply: the only step that changes anything outside queue/ and artifacts/. `blocker` only looks."""

from functools import partial

from factory.line.apply.command import apply_by_command
from factory.line.apply.finish import NO_FILES, finish
from factory.line.apply.pull_request import pull_request
from factory.line.apply.train import ride
from factory.line.context import Context
from factory.line.review.assess import Assessment
from factory.line.snapshot import ItemState, Snapshot
from factory.model.contract import ApplyMode
from factory.model.events import Finished
from factory.model.lifecycle import Outcome
from factory.model.run_layout import PULL_REQUEST
from factory.store.repository.refs import NOTHING, RefUpdate
from factory.store.repository.repository import branch_of


def apply(context: Context, snapshot: Snapshot, approved: list[Assessment]) -> bool:
    """Apply what the gate approved; whether the gate is to be asked again: what was merged makes way."""
    free = [each for each in approved if each.state.item is not None and not each.state.item.hold]
    for assessment in free:
        if not assessment.rides:
            with context.isolating(assessment.state):
                moved = _apply_alone(context, snapshot, assessment)
                snapshot = snapshot.after(moved) if moved else snapshot
            context.writer.publish_when_due()
    _forget_unasked(context, free)
    context.writer.publish()
    return ride(context, snapshot, [each for each in free if each.rides])


def _forget_unasked(context: Context, asked: list[Assessment]) -> None:
    """What apply commands came to whose items a person has held or taken back: their notes keep what is to be known."""
    subjects = {each.subject for each in asked}
    for subject in context.runs.apply_failures:
        if subject not in subjects:
            context.writer.once_published(partial(context.runs.forget_apply, subject))


def _apply_alone(context: Context, snapshot: Snapshot, assessment: Assessment) -> ItemState | None:
    """Apply an item that brings nothing into the target; as it is afterwards, or None when it stays for now."""
    contract = assessment.state.contract
    assert contract is not None
    if contract.apply.mode is ApplyMode.COMMAND:
        return apply_by_command(context, snapshot, assessment)
    files = NO_FILES
    if contract.apply.mode is ApplyMode.BRANCH:
        _offer(context, assessment.state.id, assessment.evidence.proposal)
        files = {PULL_REQUEST: pull_request(assessment)}
    return finish(context, snapshot, assessment, Finished(outcome=Outcome.ACCEPTED), files)


def _offer(context: Context, item_id: str, proposal: str) -> None:
    """Have an item's branch hold its proposal, here and, once it is finished, on the remote, for whoever merges it."""
    branch, writer = branch_of(item_id), context.writer
    if writer.head_of(branch) is None:  # another clone made it
        writer.also(RefUpdate(branch, NOTHING, proposal))
    if writer.exchange is not None:
        writer.once_published(partial(writer.exchange.offer, branch, proposal))
