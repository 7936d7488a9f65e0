"""Landing: what is proven of the merge train comes into the target, and its item is done."""

from dataclasses import replace

from factory.execution.checks.committed_runs import has_reused_runs
from factory.execution.run_files import rechecked_files
from factory.line.apply.finish import NO_FILES, applying, finish
from factory.line.apply.places import Place
from factory.line.context import Context
from factory.line.review.assess import Assessment
from factory.line.snapshot import ItemState, Snapshot
from factory.model.commit_message import quoted
from factory.model.contract import ApplyMode
from factory.model.events import Finished
from factory.model.evidence import Evidence
from factory.model.journal import MergeCheck
from factory.model.lifecycle import Outcome
from factory.model.mission.events import Opened
from factory.model.policy import MergeMode
from factory.model.text import printable
from factory.model.trailers import Trailer


def reuses_what_is_committed(context: Context, evidence: Evidence) -> bool:
    """Whether what will be committed before a merge has every run whose result its evidence reuses."""
    tree = context.repository.objects.commit(context.writer.head).tree
    return has_reused_runs(context.reader.artifacts, tree, evidence)


def land(context: Context, snapshot: Snapshot, assessment: Assessment, place: Place) -> ItemState:
    """Merge what is proven on what the target now holds, and finish its item."""
    began, phases = context.system.now(), context.runs.phases_at(place)
    # What was checked is known by its content. By this time a commit of the target's own holds what it came upon.
    on = context.writer.tip_of(snapshot.policy.target_branch)
    context.writer.land(assessment.state.id)
    evidence = assessment.evidence.model_copy(update={"target": on})
    commit = _merge(context, snapshot, assessment)
    recheck = assessment.recheck
    files = rechecked_files(replace(recheck, evidence=evidence)) if recheck else NO_FILES
    merged = MergeCheck(mode=evidence.mode or MergeMode.EVERY, tree=evidence.proven or evidence.tree)
    took = (*phases, *applying(context, began))
    finished: Finished | Opened = Finished(outcome=Outcome.APPLIED, applied=commit, merged=merged, phases=took)
    if assessment.plans:
        finished = Opened(applied=commit, merged=merged, phases=took)
    return finish(context, snapshot, assessment, finished, files)


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
