"""Handover: what an ended run proposes as a commit of this repository, wherever the run happened."""

from dataclasses import replace

from factory.execution.outcome import RunOutcome
from factory.execution.pipeline import take_over
from factory.execution.request import RunRequest
from factory.model.errors import FactoryError, told_by
from factory.model.failure import Failure, FailureClass
from factory.store.repository.objects import MissingObject, Objects
from factory.store.repository.quarantine import unsound
from factory.store.repository.repository import Repository

_GONE = "is no commit of this repository: git threw it away (git gc --prune=now, git prune?), or it never was one"


def handed_over(repository: Repository, request: RunRequest, outcome: RunOutcome) -> RunOutcome:
    """The outcome, with its proposal made here of the objects that its work brought, when it is not here yet.

    As a crash when that cannot be done, or when the proposal's base is no commit here.
    """
    proof = outcome.proof
    if proof is None or not proof.proposal:
        return outcome
    problem = _problem_of_proposal(repository, request, outcome, proof.proposal)
    base = proof.evidence.base if proof.evidence else ""
    if not problem and base and not _holds_commit(repository.objects, base):
        problem = f"its proposal's base {base[:10]} {_GONE}"
    if not problem:
        return outcome
    return replace(outcome, proof=replace(proof, proposal="", failure=Failure(FailureClass.CRASH, problem)))


def _problem_of_proposal(repository: Repository, request: RunRequest, outcome: RunOutcome, proposal: str) -> str:
    """Why a proposal cannot be read here, nor made; empty when it is here now."""
    work, objects = outcome.work, repository.objects
    if _holds_commit(objects, proposal):
        return ""
    if not work.brought:
        return f"its proposal {proposal[:10]} {_GONE}"
    problem = unsound(work.brought, objects)
    try:
        made = "" if problem else take_over(request, work, repository)
    except (FactoryError, OSError) as error:
        made, problem = "", told_by(error)
    if made == proposal:
        return ""
    return f"its proposal {proposal[:10]} cannot be made here: {problem or f'its work makes {made[:10]}'}"


def _holds_commit(objects: Objects, name: str) -> bool:
    """Whether a commit can be read at this moment."""
    try:
        return objects.holds(name) and bool(objects.commit(name).tree)
    except MissingObject:
        return False
