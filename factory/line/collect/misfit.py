"""Whether what a run came to is about what was asked of it: its request is the measure, not what it says of itself."""

from collections.abc import Iterator

from factory.execution.agents.deliverables import change_breaches, line_breaches, problems_of_plan
from factory.execution.agents.reviewer import judged_subject
from factory.execution.bounds import MASKED_LONGER
from factory.execution.checks.runner import asked_of, claim_name
from factory.execution.mission.assertion_checks import assertion_calls
from factory.execution.outcome import RunOutcome
from factory.execution.proposal import proposal_of
from factory.execution.request import RunRequest
from factory.execution.services.evidence import report_breaches
from factory.model.evidence import Evidence
from factory.model.mission.report import MOST_EVIDENCE_BYTES, MOST_EVIDENCE_FILES, evidence_name_problem
from factory.model.text import label, printable
from factory.store.repository.git import GitError
from factory.store.repository.objects import MissingObject
from factory.store.repository.repository import Repository


def misfit_of(request: RunRequest, outcome: RunOutcome, repository: Repository) -> str:
    """Why an outcome is no answer to its request; empty when it is one. Raises MachineError for the machine's fault.

    An executor may be mistaken, or lie: what is judged and merged must be what was asked for, and the worker's own.
    """
    try:
        return next(_misfits(request, outcome, repository), "")
    except MissingObject as error:
        return error.message
    except GitError as error:
        if error.of_machine:
            raise
        return f"git cannot make it again: {error.said}"


def _misfits(request: RunRequest, outcome: RunOutcome, repository: Repository) -> Iterator[str]:
    evidence = outcome.evidence
    yield from _of_files(request, outcome)
    if outcome.proposal:
        yield from _of_proposal(request, outcome, repository)
    if evidence is not None:
        if evidence.base != request.base:
            yield f"its evidence is about the base {evidence.base[:10]}, and it was to begin at {request.base[:10]}"
        if evidence.proposal != outcome.proposal:
            yield "its evidence is about another proposal"
        yield from _of_tree(request, evidence, repository)
        yield from _of_answers(request, outcome, evidence, repository)
    yield from _of_seats(request, outcome)
    if outcome.subject not in ("", judged_subject(request, outcome)):
        yield "what it says is to be judged is not what it left"


def _of_seats(request: RunRequest, outcome: RunOutcome) -> Iterator[str]:
    """What is wrong with the list of machine seats that judged."""
    asked = {seat.name for seat in request.contract.review.seats if seat.by_machine}
    said = [seat.seat for seat in outcome.seats]
    if not asked.issuperset(said) or len(set(said)) < len(said):
        yield "other seats have judged it than were to, or one of them twice"
    if any(seat.verdict.subject != outcome.subject for seat in outcome.seats):
        yield "a seat judges something else than is to be judged"


def _of_files(request: RunRequest, outcome: RunOutcome) -> Iterator[str]:
    """Which of the files that it left the contract does not ask for, or not in that size."""
    most = {wanted.path: wanted.max_kb * 1024 for wanted in request.contract.produces.files}
    longer = 1 if outcome.proposal else MASKED_LONGER
    evidence = {
        name: len(data)
        for name, data in outcome.work.files.items()
        if request.tests and name not in most and not evidence_name_problem(name)
    }
    if len(evidence) > MOST_EVIDENCE_FILES or sum(evidence.values()) > longer * MOST_EVIDENCE_BYTES:
        yield "it left more evidence than is kept"
    if request.tests and outcome.proposal:
        yield from (
            label(f"{what}: {why}")
            for what, why in report_breaches(request.item, outcome.work.result, outcome.work.files)
        )
    for name, data in outcome.work.files.items():
        if name not in evidence and len(data) > longer * most.get(name, -1):
            yield f"the contract does not ask for the file {label(name)} of {len(data)} bytes"


def _of_proposal(request: RunRequest, outcome: RunOutcome, repository: Repository) -> Iterator[str]:
    """In what its proposal is not the change that its patch says, or not one that the contract allows."""
    objects, patch = repository.objects, outcome.work.patch
    made = request.base
    if patch:
        base = repository.content(objects.commit(request.base).tree)
        made = proposal_of(request, repository.patched(base, patch), repository)
    if outcome.proposal != made:
        yield "its proposal is not what its patch makes of its base"
    changes = tuple(repository.changes(request.base, made))
    breaches = [*change_breaches(changes, request, objects), *line_breaches(patch, request.contract)]
    yield from (label(f"{path}: {what}" if path else what) for path, what in breaches)
    problems = problems_of_plan(changes, request, objects, repository.content_at(made))
    yield from (label(str(problem)) for problem in problems)


def _of_answers(request: RunRequest, outcome: RunOutcome, evidence: Evidence, repository: Repository) -> Iterator[str]:
    """What is wrong with the list of commands that were run."""
    result = outcome.work.result
    claims = range(1, 1 + len(result.handoff.commands)) if result else ()
    asked = {**asked_of(request, evidence.pending), **{claim_name(number): None for number in claims}}
    calls = () if evidence.conflicts else assertion_calls(request, repository.objects, evidence.tree)
    of_plan = {call.name: call.before_work for call in calls}
    asked = {} if evidence.conflicts else asked | dict.fromkeys(of_plan)
    ran = {each.name: each.criterion for each in evidence.ran}
    missing = next((name for name in asked if name not in ran), "")
    if missing:
        yield f"its evidence says nothing of {missing}"
    if ran != asked or len(evidence.ran) > len(ran):
        yield "its evidence is about other commands than were to be run"
    if any(each.before_work != of_plan.get(each.name) for each in evidence.ran):
        yield "its evidence takes another check for one of its plan, or the other way round"
    claimed = {each.name for each in evidence.ran if each.claimed is not None}
    if claimed != set(map(claim_name, claims)) & ran.keys():
        yield "its evidence takes checks for claims of the worker, or the other way round"


def _of_tree(request: RunRequest, evidence: Evidence, repository: Repository) -> Iterator[str]:
    """What is wrong with the content that the checks are said to have run on."""
    if evidence.conflicts:
        if evidence.tree:
            yield f"it conflicts, and yet {printable(evidence.tree[:10])} would be merged"
        return
    merge = repository.merged_content(request.base, evidence.proposal, evidence.target)
    if merge.conflicts or merge.tree != evidence.tree:
        yield "the checks were run on something else than its proposal merged with the target"
