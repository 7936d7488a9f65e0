"""Machine seats: reviewers that are processes, all of a round at once, each alone and without seeing the others."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

from factory.execution.agents.reviewer import SeatRequest, SeatResult, review
from factory.execution.agents.usage import without
from factory.execution.agents.worker import Alive, Run
from factory.execution.cell.pool import Cells
from factory.execution.request import RunRequest
from factory.execution.run_files import run_files
from factory.model.contract import Seat
from factory.model.subject import subject_of
from factory.store import files
from factory.store.artifacts import left_by_worker
from factory.store.repository.batch import Signature, add_commit
from factory.store.repository.objects import Person
from factory.store.repository.repository import Repository

_NOBODY = Person("factory", "factory@localhost")


def with_subject(request: RunRequest, run: Run) -> Run:
    """The run with the digest of exactly what is to be judged."""
    left = left_by_worker(run_files(run))
    subject = subject_of(request.item, request.contract_source, request.policy.governing(), run.patch, left)
    return replace(run, subject=subject)


def judged(
    request: RunRequest, run: Run, repository: Repository, cells: Cells, stop: threading.Event, alive: Alive
) -> Run:
    """The run with what every machine seat says of it. They take as long as the slowest."""
    seats = [seat for seat in request.contract.review.seats if seat.by_machine]
    if not seats or run.evidence is None or not run.evidence.passed:
        return run
    signed = Signature(_NOBODY, _NOBODY, datetime.fromtimestamp(0, UTC))
    tree = run.evidence.tree
    commit = add_commit(repository.objects, tree, (run.evidence.target,), "What is to be judged.\n", signed)
    repository.objects.flush()
    evidence = files.as_json(run.evidence.model_dump(mode="json"))
    request = replace(request, budget_left=without(request.budget_left, run.usage))
    changed = frozenset(change.path for change in run.changes)

    def sit(seat: Seat) -> SeatResult:
        prompt = request.prompts.get(seat.name, "")
        brief = SeatRequest(request, seat, run.subject, commit, tree, run.patch, evidence, prompt, changed)
        return review(brief, repository, cells, stop, alive)

    with ThreadPoolExecutor(max_workers=len(seats), thread_name_prefix="seat") as pool:
        said = tuple(pool.map(sit, seats))
    return replace(run, said=said, stopped=run.stopped or stop.is_set())
