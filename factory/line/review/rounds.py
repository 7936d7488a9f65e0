"""Rounds: what became of earlier findings, what is said of new ones, and whether there is another round for them."""

from collections.abc import Iterable

from factory.line.context import Context
from factory.line.review.proposals import Unreadable, restore_proposal
from factory.line.snapshot import ItemState, Snapshot
from factory.model.contract import Contract
from factory.model.findings import changes_lines_of
from factory.model.gate import GateDecision
from factory.model.lifecycle import Event, Outcome
from factory.model.text import counted
from factory.model.verdict import Finding


def rounds_used_up(state: ItemState, contract: Contract, reason: str) -> str:
    """Why an item that is sent back for a reason goes to a person instead; empty while it has another round."""
    rounds = contract.rework.max_rounds
    if state.history.rounds_spent + 1 < rounds:
        return ""
    sent_back = (each.reason for each in reversed(state.history.entries) if each.event is Event.REWORK)
    before = next((each for each in sent_back if each and each != reason), "")
    return f"{counted(rounds, 'round')} used up; the last: {reason}{f'; before that: {before}' if before else ''}"


def closed_by_change(context: Context, snapshot: Snapshot, state: ItemState, proposal: str) -> dict[str, str]:
    """The open findings whose lines a new proposal changes, against the one that they were found in."""
    opened = state.history.table.open
    if not opened or not state.history.proposal:
        return {}
    patch = _between(context, snapshot, state, state.history.proposal, proposal)
    if patch is None:
        return {}
    how = f"changed in round {state.history.round}"
    return {key: how for key, finding in opened.items() if changes_lines_of(patch, finding)}


def closed_by_seat(state: ItemState, decision: GateDecision) -> dict[str, str]:
    """The open findings that a seat says are put right."""
    return {
        key: f"a seat said so in round {state.history.round}"
        for key in decision.closes
        if key in state.history.table.open
    }


def repeated(state: ItemState, findings: Iterable[Finding]) -> list[Finding]:
    """The findings of seats with which the round before was sent back, too."""
    return [finding for finding in findings if finding.seat and finding.key in state.history.table.last]


def with_late_ones_marked(
    context: Context, snapshot: Snapshot, state: ItemState, findings: Iterable[Finding]
) -> tuple[Finding, ...]:
    """The findings; those that could have been found in the round before, since nothing changed there, as late."""
    proposals = [entry.proposal for entry in state.history.entries if entry.event is Event.DELIVER and entry.proposal]
    earlier = [entry for entry in state.history.entries if entry.round < state.history.round]
    heard = {vote.seat for entry in earlier for vote in entry.verdicts if not vote.lost}
    patch = _between(context, snapshot, state, *proposals[-2:]) if len(proposals) > 1 else None
    if patch is None:
        return tuple(findings)

    def late(finding: Finding) -> bool:
        known = finding.key in state.history.table.open or finding.key in state.history.table.closed
        return bool(finding.seat in heard and finding.path and not known and not changes_lines_of(patch, finding))

    return tuple(finding.model_copy(update={"late": True}) if late(finding) else finding for finding in findings)


def with_merged_ones_named(
    context: Context, snapshot: Snapshot, state: ItemState, findings: Iterable[Finding]
) -> tuple[Finding, ...]:
    """The findings of a conflict; each says which item has brought it, where that was known to be in the way."""
    merged = {
        item_id: paths
        for item_id, paths in state.history.conflicts_with.items()
        if context.reader.outcome_of(snapshot.tree, item_id) is Outcome.APPLIED
    }

    def named(finding: Finding) -> Finding:
        by = ", ".join(item_id for item_id, paths in merged.items() if finding.path in paths)
        return finding.model_copy(update={"text": f"{finding.text}, since {by} is merged"}) if by else finding

    return tuple(map(named, findings))


def _between(context: Context, snapshot: Snapshot, state: ItemState, old: str, new: str) -> bytes | None:
    """What one proposal of an item changes of another; None when this clone cannot read both of them."""
    repository = context.repository
    try:
        for proposal in (old, new):
            restore_proposal(context.reader, snapshot, state, proposal)
    except Unreadable:
        return None
    before, after = (repository.content_at(commit) for commit in (old, new))
    return repository.patch(before, after) if before != after else b""
