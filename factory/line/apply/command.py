"""The apply command: a contract's own way to carry a decision out, at most once a subject, also across a crash."""

from functools import partial

from pydantic import JsonValue

from factory.execution.apply_command import ApplyNote
from factory.line.apply.finish import applying, finish
from factory.line.context import Context
from factory.line.dispatch.requests import request_for
from factory.line.review.assess import Assessment
from factory.line.snapshot import ItemState, Snapshot
from factory.line.writer import Move
from factory.model.events import Blocked, Finished
from factory.model.failure import FailureClass
from factory.model.lifecycle import NotApplied, Outcome
from factory.model.run_layout import APPLY
from factory.store.files import as_json
from factory.store.repository.batch import Signature, add_commit

_UNKNOWN = (
    "a crash came while the apply command ran, and nobody knows how far it got; see whether it did its work: then "
    "move the item to queue/done, else change it a little and send it back to work"
)


def apply_by_command(context: Context, snapshot: Snapshot, assessment: Assessment) -> ItemState | None:
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
        content = context.repository.content_at(evidence.target)
        commit = add_commit(objects, content, (evidence.target,), "What the decision is about.\n", signed)
        objects.flush()
        request = request_for(context.reader, snapshot, state, evidence.base, commit)
        context.writer.once_published(partial(runs.apply, request, assessment.subject, _decision(assessment)))
        context.applies_begun[assessment.subject] = context.system.now()
        return None
    phases = applying(context, context.applies_begun.get(assessment.subject))
    context.writer.once_published(partial(runs.forget_apply, assessment.subject))
    context.writer.once_published(partial(context.applies_begun.pop, assessment.subject, None))
    files = {APPLY: as_json(note.model_dump(mode="json"))} if note else {}
    if note is not None and note.ended and note.exit_code == 0:
        return finish(context, snapshot, assessment, Finished(outcome=Outcome.APPLIED, phases=phases), files)
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
