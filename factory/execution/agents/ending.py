"""What a worker's run amounts to: how it ended, what it says, and what it left, held against the contract."""

import signal
from collections.abc import Callable
from dataclasses import replace

from factory.execution.agents import deliverables
from factory.execution.agents.agent import COMMAND, Answer
from factory.execution.cell.cell import Cell
from factory.execution.outcome import Work
from factory.execution.processes.command import Ended, Stopped
from factory.execution.redaction.mask import Mask
from factory.execution.request import RunRequest
from factory.model.errors import InvalidFile, TooLarge
from factory.model.failure import Failure, FailureClass, of_exit_status
from factory.model.result import Result, Status, Usage
from factory.model.run_layout import RESULT
from factory.model.text import LONGEST_SAID, cut
from factory.store import files, yaml
from factory.store.logs import last_said
from factory.store.repository.git import GitError
from factory.store.repository.quarantine import Quarantine
from factory.store.repository.repository import Repository
from factory.store.repository.trees import diff

_MOST_UNFINISHED = 1_000_000  # bytes of a patch that nobody has held against the contract


Taking = Callable[[Work, Cell, RunRequest], Work]


def amounts_to(begun: Work, answer: Answer, cell: Cell, request: RunRequest, taking: Taking) -> Work:
    """What the work amounts to: how it ended, what it says, and what it left, in this order.

    `taking` holds what was left by an agent that is content with itself against what it was asked for.
    """
    failure = of_ending(answer.ended, request)
    if failure is not None:
        return begun.failed(failure)
    if answer.failure is not None:
        return begun.failed(answer.failure)
    mask = Mask.of_environment(request.secrets)
    heard, problem = _heard(begun, answer, cell, mask)
    masked = "; a secret that the contract let through was taken out of it first" if heard.exposed else ""
    if problem:
        return heard.failed(Failure(FailureClass.CONTRACT, f"{RESULT}:1:1: {problem}{masked}"))
    try:
        result = _result(heard.raw_result)
    except InvalidFile as error:
        return heard.failed(Failure(FailureClass.CONTRACT, f"{error}{masked}"))
    # What a program has counted is not for its model to say; else what it wrote while it ran is all there is.
    counted = request.kind != COMMAND and begun.usage != Usage()
    told = result is not None and result.usage != Usage() and not counted
    said = replace(heard, result=result, usage=result.usage if result and told else begun.usage)
    code = answer.ended.exit_code
    if code and (result is None or result.status is Status.OK):
        reason = f"the worker ended with exit status {code}{last_said(begun.log)}"
        return said.failed(Failure(of_exit_status(code), reason))
    if result is not None and result.status is not Status.OK:
        return said
    return _with_last_words(taking(said, cell, request), answer, mask)


def with_unfinished(done: Work, cell: Cell, request: RunRequest, repository: Repository) -> Work:
    """With the patch of work that came to nothing, if it can be had: it was paid for all the same."""
    base = repository.content_at(request.base)
    repository.objects.flush()
    try:
        with cell.take() as taken:
            changes = tuple(diff(taken.objects, base, taken.tree))
            heavy = deliverables.too_much(changes, taken.objects)
            patch = taken.patch(base) if changes and not heavy else b""
    except (GitError, OSError, RecursionError):
        return done
    return replace(done, patch=patch) if len(patch) <= _MOST_UNFINISHED else done


def _with_last_words(done: Work, answer: Answer, mask: Mask) -> Work:
    """With what an agent said last for its summary, and what it was not allowed for why it came to nothing."""
    if done.failure is not None and done.failure.kind is FailureClass.EMPTY and answer.denials:
        denied = f"{done.failure.reason}; it was not allowed to use {', '.join(answer.denials)}"
        return done.failed(Failure(FailureClass.EMPTY, denied))
    if done.result is None or done.result.summary or not answer.message:
        return done
    summary = cut(mask.hide(answer.message.encode()).decode(errors="replace"), LONGEST_SAID)
    return replace(done, result=done.result.model_copy(update={"summary": summary}))


def _heard(begun: Work, answer: Answer, cell: Cell, mask: Mask) -> tuple[Work, str]:
    """(the work with what the worker says, why that is not to be read): nothing reads any of it before it is masked."""
    try:
        raw, problem = files.read_inside(cell.out, RESULT, yaml.MAX_BYTES), ""
    except TooLarge as error:
        raw, problem = error.beginning, error.message
    raw = answer.result if raw is None else raw
    masked = raw and mask.hide_cut(raw)
    return replace(begun, raw_result=masked and masked[: yaml.MAX_BYTES], exposed=masked != raw), problem


def of_ending(ended: Ended, request: RunRequest) -> Failure | None:
    """Why it did not end by itself, or was killed; None when it ended with an exit status."""
    limits, left = request.contract.limits, request.budget_left.minutes
    match ended.stopped:
        case Stopped.WALL if left is not None and left < limits.minutes:
            reason = f"the worker was stopped after {left:g} minutes, which were left of the item's budget"
            return Failure(FailureClass.BUDGET, reason)
        case Stopped.WALL:
            return Failure(FailureClass.TIMEOUT, f"the worker was stopped after {limits.minutes:g} minutes")
        case Stopped.SILENCE:
            reason = f"the worker was stopped after {ended.silent_s:g} s without a sign of life"
            return Failure(FailureClass.STALL, reason)
        case Stopped.NOT_STARTED:
            return Failure(FailureClass.CONFIG, ended.problem)
        case Stopped.LIMIT if ended.over:
            return ended.over._replace(reason=f"the worker {ended.over.reason}")
    if ended.exit_code == -signal.SIGXFSZ:
        most = f"the {limits.disk_mb} MB that the contract allows"
        return Failure(FailureClass.CONTRACT, f"the worker was stopped: it wrote a file of more than {most}")
    if ended.exit_code is not None and ended.exit_code < 0:
        return Failure(FailureClass.CRASH, f"the worker was killed by signal {-ended.exit_code}")
    return None


def _result(raw: bytes | None) -> Result | None:
    if raw is None:
        return None
    source = yaml.Source(RESULT, raw)
    return yaml.validate(Result, yaml.parse_json(source), source)


def take(repository: Repository, said: Work, cell: Cell, request: RunRequest) -> Work:
    """The change and the files of a worker that is content with itself, held against the contract."""
    try:
        taken = cell.take()
    except GitError as error:
        reason = f"what the worker left cannot be read by git: {error.said}"
        return said.failed(Failure(FailureClass.CRASH if error.of_machine else FailureClass.CONTRACT, reason))
    with taken:
        return _held_to_contract(said, taken, cell, request, repository)


def _held_to_contract(said: Work, taken: Quarantine, cell: Cell, request: RunRequest, repository: Repository) -> Work:
    contract = request.contract
    base = repository.content_at(request.base)
    repository.objects.flush()  # what is compared with, the quarantine must be able to see
    try:
        changes = tuple(diff(taken.objects, base, taken.tree))
    except RecursionError:
        return said.failed(Failure(FailureClass.CONTRACT, "the worker left folders nested too deep to look at"))
    found, breaches = deliverables.files(cell.out, contract)
    breaches += deliverables.data_breaches(said.result, contract)
    breaches += (heavy := deliverables.too_much(changes, taken.objects)) + list(
        deliverables.change_breaches(changes, request, taken.objects)
    )
    patch = taken.patch(base) if changes and not heavy else b""
    breaches += deliverables.line_breaches(patch, contract)
    whole = replace(said, tree=taken.tree, changes=changes, patch=patch, files=found)
    empty = _empty(whole, request, unchanged=taken.tree == repository.objects.commit(request.start).tree)
    if empty:
        return whole.failed(Failure(FailureClass.EMPTY, f"the worker ended well, but {empty}"))
    problems = deliverables.problems_of_plan(changes, request, taken.objects, taken.tree)
    if breaches or problems:
        return deliverables.breached(whole, breaches, problems)
    return replace(whole, brought=taken.brought(base), result=said.result or Result(status=Status.OK))


def _empty(done: Work, request: RunRequest, *, unchanged: bool) -> str:
    """Why what was left is as good as nothing."""
    silent = done.result is None  # a worker that says why it leaves its proposal as it is did do something
    idle = unchanged and silent and not request.checked_again
    nothing = request.contract.produces.patch.required and (not done.changes or idle)
    if nothing or not (done.changes or done.files or not silent):
        return "nothing changed since the last proposal" if done.changes else "nothing was changed"
    return ""
