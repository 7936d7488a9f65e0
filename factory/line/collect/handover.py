"""Handover: what an ended run proposes as a commit of this repository, wherever the run happened."""

from factory.execution.outcome import RunOutcome
from factory.execution.pipeline import take_over
from factory.execution.request import RunRequest
from factory.line.collect.misfit import misfit_of
from factory.model.errors import FactoryError, told_by
from factory.store.repository.objects import MissingObject, Objects
from factory.store.repository.quarantine import unsound
from factory.store.repository.repository import Repository

_NO_ANSWER = "what it came to does not fit what was asked"
_GONE = "is no commit of this repository: git threw it away (git gc --prune=now, git prune?), or it never was one"


def handed_over(repository: Repository, request: RunRequest, outcome: RunOutcome, *, made_here: bool) -> RunOutcome:
    """The outcome, with its proposal made here of the objects that its work brought, when it is not here yet.

    As a crash when that cannot be done, or when the proposal's base is no commit here; and of a run that was made by
    another executor than this program's own, when what it says does not fit its request.
    """
    if outcome.stopped:
        return outcome
    if outcome.proposal:
        problem = _problem_of_proposal(repository, request, outcome, outcome.proposal)
        base = outcome.evidence.base if outcome.evidence else ""
        if not problem and base and not _has_commit(repository.objects, base):
            problem = f"its proposal's base {base[:10]} {_GONE}"
        if problem:
            return outcome.crashed(problem)
    astray = "" if made_here else misfit_of(request, outcome, repository)
    return outcome.crashed(f"{_NO_ANSWER}: {astray}").without_files() if astray else outcome


def _problem_of_proposal(repository: Repository, request: RunRequest, outcome: RunOutcome, proposal: str) -> str:
    """Why a proposal cannot be read here, nor made; empty when it is here now."""
    work, objects = outcome.work, repository.objects
    if _has_commit(objects, proposal):
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


def _has_commit(objects: Objects, name: str) -> bool:
    """Whether a commit can be read at this moment."""
    try:
        return objects.has(name) and bool(objects.commit(name).tree)
    except MissingObject:
        return False
