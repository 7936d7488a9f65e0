"""Start: what the schedule lets start is claimed, and handed to the executor once the claim is committed."""

import os
from collections.abc import Collection, Container
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from factory.execution.cell.sandbox import sandbox
from factory.execution.redaction.scanner import unscannable
from factory.execution.request import RunRequest
from factory.line.context import Context
from factory.line.dispatch.breakers import breaker_after_start, breaker_files
from factory.line.dispatch.budget import used_up
from factory.line.dispatch.requests import request_for
from factory.line.dispatch.schedule import ScheduleEntry, schedule, unfit
from factory.line.review.proposals import Unreadable, base_of, restore_proposal
from factory.line.snapshot import ItemState, Snapshot
from factory.line.writer import Move
from factory.model.breaker import BreakerState
from factory.model.contract import Contract
from factory.model.errors import FactoryError, MachineError
from factory.model.events import Blocked, Noticed, Started
from factory.model.failure import Failure, FailureClass
from factory.model.journal import Lease, Phase
from factory.model.lifecycle import Lane
from factory.model.moments import moment_of
from factory.model.verdict import SUBJECT_CHANGED
from factory.store.repository.batch import Signature, add_commit
from factory.store.repository.refs import NOTHING, RefUpdate
from factory.store.repository.repository import branch_of
from factory.store.schema import misfit
from factory.store.skills import read_skill

_SPARE = timedelta(minutes=10)


@dataclass(frozen=True)
class _Claim:
    """An item that was claimed, or blocked instead."""

    state: ItemState
    request: RunRequest | None = None
    breaker: BreakerState | None = None  # of its contract, when the item is the trial


def start(
    context: Context, snapshot: Snapshot, most: int | None = None, ended: Container[str] = ()
) -> list[ScheduleEntry]:
    """Start what may start, at most so many; the schedule of everything that waits.

    `ended` are the items whose runs will be forgotten before another one begins.
    """
    found = schedule(context.reader, snapshot)
    base = context.writer.tip_of(snapshot.policy.target_branch)
    requests: list[RunRequest] = []
    for entry in found:
        state = snapshot.items[entry.id]
        # Not while a person's move of it is still to be recorded, or a run of it that was stopped is still ending.
        free = state.recorded and (state.id not in context.runs.running or state.id in ended)
        if entry.start and free and (most is None or len(requests) < most):
            with context.isolating(state):
                claim = _claim(context, snapshot, state, base)
                requests.extend([claim.request] if claim.request else [])
                snapshot = snapshot.after(claim.state).with_breaker(claim.breaker)
    if requests:
        context.writer.once_published(partial(_warn, context, snapshot))
    for request in requests:
        context.writer.once_published(partial(context.runs.start, request))
    context.writer.publish()
    return found


def _warn(context: Context, snapshot: Snapshot) -> None:
    """Say, once, what does not contain the workers here."""
    missing = sandbox(snapshot.policy.sandbox).missing
    if missing and missing not in context.warned:
        context.warned.add(missing)
        context.tell(Noticed(f"WITHOUT A SANDBOX: {missing}"))


def _claim(context: Context, snapshot: Snapshot, state: ItemState, base: str) -> _Claim:
    """Commit the claim of one item, with what its worker gets, or that it is blocked instead."""
    assert state.item is not None and state.contract is not None
    arrival = context.reader.arrivals(snapshot).get(state.placed.path)
    failure = _hopeless(snapshot, state, context.runs.kinds)
    try:
        request = None if failure else _request(context, snapshot, state, base)
    except MachineError:
        raise  # tried again with the next pass
    except FactoryError as error:
        request, failure = None, Failure(FailureClass.CONFIG, error.message)
    if request is None:
        assert failure is not None
        blocked = Blocked(reason=f"{failure.reason}; {failure.kind.advice}", failure=failure.kind)
        return _Claim(context.writer.move(state, Move(blocked), (), arrival))
    lease = Lease(
        owner=context.owner,
        generation=request.run,
        expires_at=snapshot.now + _longest(request) + _SPARE,
        base=request.base,
        item=state.placed.blob,
    )
    now = context.system.now()
    since = state.history.since or (moment_of(arrival.at) if arrival else now)
    waiting = Phase.between("waiting", min(since, now), now)
    started = Started(lease=lease, worker=request.worker, phases=(waiting,))
    breaker = breaker_after_start(snapshot, state)
    begun = context.writer.move(state, Move(started, queue_files=breaker_files(breaker), run=request.run), (), arrival)
    branch = branch_of(state.id)
    if context.repository.view_of(branch) is None:  # a person who has it checked out keeps it as it is
        # With the claim, so that what the run starts from is git's as soon as it is there.
        context.writer.also(RefUpdate(branch, context.writer.head_of(branch) or NOTHING, request.start))
    return _Claim(begun, replace(request, claimed_at=begun.history.since), breaker)


def _longest(request: RunRequest) -> timedelta:
    """How long it takes until there is a delivery, when the worker and every check use up their deadlines.

    Claims that are run again and setups are not counted: what a killed job leaves must not lie there for a day.
    """
    contract = request.contract
    checks = len(contract.checks) + len(request.item.acceptance)
    canary = 3 * len(contract.checks)
    processes = 2 + 2 * checks + canary + any(seat.by_machine for seat in contract.review.seats)
    return timedelta(minutes=contract.limits.minutes * processes)


def _hopeless(snapshot: Snapshot, state: ItemState, kinds: Collection[str]) -> Failure | None:
    """Why it is no use to start an item at all."""
    assert state.item is not None and state.contract is not None
    spent = used_up(state)
    if spent:
        return Failure(FailureClass.BUDGET, spent)
    reason = unfit(state.item, state.contract, snapshot.policy, kinds) or unscannable(snapshot.policy.secret_scan)
    if reason:
        return Failure(FailureClass.CONFIG, reason)
    agent = snapshot.policy.agent_named(state.contract.worker.agent)
    secrets = (*state.contract.worker.secrets, *(agent.secrets if agent else ()))
    missing = [name for name in secrets if not os.environ.get(name)]
    if missing and not state.item.reverts:
        reason = f"the contract's worker needs {', '.join(missing)}, which the factory's environment does not have"
        return Failure(FailureClass.AUTH, reason)
    reason = misfit(state.item.inputs, state.contract.receives)
    said = f"its inputs are not what the contract receives: {reason}"
    return Failure(FailureClass.INVALID_REQUEST, said) if reason else None


def _request(context: Context, snapshot: Snapshot, state: ItemState, base: str) -> RunRequest:
    assert state.contract is not None
    repository, history = context.repository, state.history
    content = repository.content_at(base)
    anew = any(finding.id == SUBJECT_CHANGED for finding in history.findings)
    if history.proposal and state.lane is Lane.REWORK and state.contract.rework.keep_branch and not anew:
        # A proposal that no longer merges is made anew; its patch is in the findings' run for the worker to read.
        content = _brought_up(context, snapshot, state, base) or content
    signed = Signature(context.me, context.me, context.system.now())
    begin = add_commit(repository.objects, content, (base,), f"What {state.id} starts from.\n", signed)
    prompt = context.reader.library.prompt(snapshot.tree, state.contract, snapshot.workflow)
    request = request_for(snapshot, state, base, begin, prompt, history.run + 1)
    source = context.reader.library.contract_bytes(snapshot.tree, request.contract_name) or b""
    skills = tuple(read_skill(repository.objects, snapshot.tree, name) for name in state.contract.worker.skills)
    request = replace(
        request, contract_source=source, prompts=_seat_prompts(context, snapshot, state.contract), skills=skills
    )
    if history.worker != request.worker:
        return request
    return replace(
        request, session=history.session, told=history.worked_on == state.placed.blob, before=history.ended_with
    )


def _brought_up(context: Context, snapshot: Snapshot, state: ItemState, base: str) -> str:
    """What an item's last proposal makes of a base; empty when it cannot be read or does not merge."""
    proposal = state.history.proposal
    try:
        restore_proposal(context.reader, snapshot, state, proposal)
        made_on = base_of(context.repository, proposal)
    except Unreadable as error:
        context.writer.note(Noticed(f"begins anew: {error.message}", state.id))
        return ""
    merge = context.repository.merged_content(made_on, proposal, base)
    return "" if merge.conflicts else merge.tree


def _seat_prompts(context: Context, snapshot: Snapshot, contract: Contract) -> dict[str, str]:
    library = context.reader.library
    asked = {seat.name: seat.prompt for seat in contract.review.seats if seat.prompt is not None}
    return {name: library.prompt_file(snapshot.tree, path) for name, path in asked.items()}
