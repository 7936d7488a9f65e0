"""Apply: the only step that changes anything outside queue/ and artifacts/. `blocker` only looks."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import MappingProxyType

from pydantic import JsonValue

from factory.execution.apply_command import ApplyNote
from factory.execution.checks.evidence import merged_content
from factory.line.apply.blocker import obstacles
from factory.line.apply.loose_ends import file_loose_ends
from factory.line.context import Context
from factory.line.dispatch.requests import request_for
from factory.line.review.assess import Assessment
from factory.line.review.decide_all import recheck_files
from factory.line.snapshot import ItemState, Snapshot
from factory.line.writer import Move, quoted
from factory.model.base import printable
from factory.model.contract import ApplyMode
from factory.model.events import Blocked, Finished
from factory.model.failure import Failure, FailureClass
from factory.model.journal import Phase
from factory.model.lifecycle import NotApplied, Outcome
from factory.model.run_layout import APPLY, PULL_REQUEST
from factory.model.trailers import Trailer
from factory.store.files import as_json
from factory.store.repository.batch import Signature, add_commit

NO_FILES: Mapping[str, bytes] = MappingProxyType({})
_UNKNOWN = (
    "a crash came while the apply command ran, and nobody knows how far it got; see whether it did its work: then "
    "move the item to queue/done, else change it a little and send it back to work"
)
_CHANGES_NOTHING = frozenset({ApplyMode.NONE, ApplyMode.BRANCH})


def apply(context: Context, snapshot: Snapshot, approved: list[Assessment]) -> None:
    """Apply what the gate approved, one after the other, each on what the one before left."""
    for assessment in approved:
        with context.isolating(assessment.state):
            moved = _apply_one(context, snapshot, assessment)
            snapshot = snapshot.after(moved) if moved else snapshot
        context.writer.publish_when_due()
    _forget_unasked(context, approved)
    context.writer.publish()


def _forget_unasked(context: Context, approved: list[Assessment]) -> None:
    """What apply commands came to whose items a person has held or taken back: their notes keep what is to be known."""
    asked = {each.subject for each in approved if each.state.item is not None and not each.state.item.hold}
    for subject in context.runs.apply_failures:
        if subject not in asked:
            context.writer.once_published(partial(context.runs.forget_apply, subject))


def _apply_one(context: Context, snapshot: Snapshot, assessment: Assessment) -> ItemState | None:
    """Apply one approved item; the item as it is afterwards, or None when it stays where it is for now."""
    state = assessment.state
    assert state.contract is not None and state.item is not None
    if state.item.hold:
        return None
    if state.contract.apply.mode is ApplyMode.COMMAND:
        return _by_command(context, snapshot, assessment)
    began = context.system.now()
    changes_nothing = assessment.evidence.proposal == assessment.evidence.base
    if changes_nothing or state.contract.apply.mode in _CHANGES_NOTHING:
        files = {PULL_REQUEST: pull_request(assessment)} if state.contract.apply.mode is ApplyMode.BRANCH else NO_FILES
        return _finish(context, snapshot, assessment, Finished(outcome=Outcome.ACCEPTED), files)
    target, content = context.writer.tip_of(snapshot.policy.target_branch), assessment.evidence.tree
    if not _checked_on(context, assessment, target):
        return _recheck(context, snapshot, state)
    if obstacles(context.repository, snapshot.policy.target_branch, content):
        return None
    commit = _merge(context, snapshot, assessment)
    applied = Finished(outcome=Outcome.APPLIED, applied=commit, phases=_applying(context, began))
    return _finish(context, snapshot, assessment, applied)


def _applying(context: Context, began: datetime | None) -> tuple[Phase, ...]:
    """The apply as a phase that ends now; none when nobody here knows when it began."""
    return (Phase.between("apply", began, context.system.now()),) if began else ()


def pull_request(assessment: Assessment) -> bytes:
    """What a person puts into the pull request for the branch that is left."""
    state = assessment.state
    assert state.item is not None
    checks = [f"- {printable(ran.name)}: `{printable(' '.join(ran.run))}` passed" for ran in assessment.evidence.ran]
    lines = [
        f"# {printable(' '.join(state.item.title.split()))}",
        "",
        printable(state.item.description.strip()) or "(no description)",
        "",
        f"Branch `factory/{state.id}`, {assessment.decision.reason}.",
        f"Subject `{assessment.subject}`, round {state.history.round}, run {state.history.run}.",
        *(["", "## Checks", *checks] if checks else []),
    ]
    return "\n".join([*lines, ""]).encode()


def _by_command(context: Context, snapshot: Snapshot, assessment: Assessment) -> ItemState | None:
    """Have the contract's command carry the decision out, at most once for this subject, also across a crash."""
    state, runs = assessment.state, context.runs
    if assessment.subject in runs.applying:
        return None
    problem = runs.apply_failures.get(assessment.subject, "")
    note = runs.notes.read(assessment.subject)
    if note is None and not problem:
        objects, evidence = context.repository.objects, assessment.evidence
        signed = Signature(context.me, context.me, context.system.now())
        # The target's own files, not the proposal's: what is run here has secrets, and must not be what a worker wrote.
        content = context.repository.content(objects.commit(evidence.target).tree)
        commit = add_commit(objects, content, (evidence.target,), "What the decision is about.\n", signed)
        objects.flush()
        request = request_for(snapshot, state, evidence.base, commit)
        context.writer.once_published(partial(runs.apply, request, assessment.subject, _decision(assessment)))
        context.applies_begun[assessment.subject] = context.system.now()
        return None
    phases = _applying(context, context.applies_begun.get(assessment.subject))
    context.writer.once_published(partial(runs.forget_apply, assessment.subject))
    context.writer.once_published(partial(context.applies_begun.pop, assessment.subject, None))
    files = {APPLY: as_json(note.model_dump(mode="json"))} if note else {}
    if note is not None and note.ended and note.exit_code == 0:
        return _finish(context, snapshot, assessment, Finished(outcome=Outcome.APPLIED, phases=phases), files)
    how = problem or (_ended(note) if note and note.ended else _UNKNOWN)
    known = problem or (note is not None and note.ended)
    blocked = Blocked(
        reason=how,
        failure=FailureClass.CONFIG,
        subject=assessment.subject,
        not_applied=NotApplied.COMMAND_FAILED if known else NotApplied.COMMAND_UNKNOWN,
        phases=phases,
    )
    return context.writer.move(state, Move(blocked, files), snapshot.listing.verdicts)


def _ended(note: ApplyNote) -> str:
    how = note.problem or f"ended with exit status {note.exit_code}"
    return f"the apply command {how}; it is not run again for this subject"


def _decision(assessment: Assessment) -> dict[str, JsonValue]:
    """What an apply command gets on its standard input."""
    state = assessment.state
    assert state.item is not None
    return {
        "item": {"id": state.id, **state.item.model_dump(mode="json")},
        "run": state.history.run,
        "round": state.history.round,
        "subject": assessment.subject,
        "proposal": assessment.evidence.proposal,
        "base": assessment.evidence.base,
        "reason": assessment.decision.reason,
        "verdicts": [verdict.model_dump(mode="json") for verdict in assessment.decision.verdicts],
    }


def _checked_on(context: Context, assessment: Assessment, target: str) -> bool:
    """Whether the checks ran on the proposal merged with what the target holds now."""
    objects, content = context.repository.objects, context.repository.content
    if not objects.holds(assessment.evidence.target):
        return False  # somebody has made the target's history anew
    if content(objects.commit(assessment.evidence.target).tree) != content(objects.commit(target).tree):
        return False
    # Made again from the proposal itself: what is merged must not hang on a file that somebody could have edited.
    proposal = assessment.state.history.proposal
    merge = merged_content(context.repository, objects.commit(proposal).parents[0], proposal, target)
    return assessment.evidence.proposal == proposal and assessment.evidence.tree == merge.tree


def _recheck(context: Context, snapshot: Snapshot, state: ItemState) -> ItemState | None:
    """Have the checks run again on what the target holds now; to a person when they cannot be."""
    found = context.runs.recheck_of(state.id, state.history.proposal)
    if isinstance(found, Failure):
        context.writer.once_published(partial(context.runs.forget_recheck, state.id))
        blocked = Blocked(reason=found.reason, failure=FailureClass.CONFIG, not_applied=NotApplied.UNPROVABLE)
        return context.writer.move(state, Move(blocked), snapshot.listing.verdicts)
    if context.runs.rechecking is None:
        base = context.repository.objects.commit(state.history.proposal).parents[0]
        context.runs.recheck(request_for(snapshot, state, base, base), state.history.proposal)
    return None


def _merge(context: Context, snapshot: Snapshot, assessment: Assessment) -> str:
    """The commit that brings the proposal, merged and checked, into the target."""
    state, contract = assessment.state, assessment.state.contract
    assert contract is not None and state.item is not None
    squash = contract.apply.mode is ApplyMode.SQUASH
    title = printable(" ".join(state.item.title.split()))
    trailers = (
        Trailer.ITEM.line(state.id),
        Trailer.SUBJECT.line(assessment.subject),
        Trailer.ACTOR.line(context.me),
    )
    subject, reason = f"{'' if squash else 'Merge '}{state.id}: {title}", quoted(assessment.decision.reason)
    message = "\n\n".join((subject, reason, "\n".join(trailers))) + "\n"
    merged = () if squash else (assessment.evidence.proposal,)
    return context.writer.merge(snapshot.policy.target_branch, assessment.evidence.tree, merged, message)


def _finish(
    context: Context,
    snapshot: Snapshot,
    assessment: Assessment,
    finished: Finished,
    files: Mapping[str, bytes] = NO_FILES,
) -> ItemState:
    """Finish an item, with what was judged and by whom, and make items of what its worker left."""
    state, decision = assessment.state, assessment.decision
    assert state.contract is not None
    judged = replace(
        finished,
        reason=decision.reason,
        verdicts=decision.verdicts,
        subject=assessment.subject,
        proposal=assessment.evidence.proposal,
    )
    files = {**recheck_files(context, state), **files}
    moved = context.writer.move(
        state,
        Move(judged, files, keeps_branch=state.contract.apply.mode is ApplyMode.BRANCH),
        snapshot.listing.verdicts,
    )
    file_loose_ends(context, snapshot, assessment)
    return moved
