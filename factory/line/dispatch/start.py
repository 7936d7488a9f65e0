"""Start: what the schedule lets start is claimed, and handed to the executor once the claim is committed."""

from collections.abc import Collection, Container
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from factory.execution.cell.sandbox import nesting_sandbox, sandbox
from factory.execution.redaction.scanner import unscannable
from factory.execution.request import RunRequest
from factory.line.context import Context
from factory.line.dispatch.agents import situation_of
from factory.line.dispatch.breakers import Trials, breaker_after_start, breaker_files
from factory.line.dispatch.budget import used_up
from factory.line.dispatch.requests import beginning_of, next_request
from factory.line.dispatch.schedule import ScheduleEntry, schedule, unfit
from factory.line.snapshot import ItemState, Snapshot
from factory.line.writer import Move
from factory.model.breaker import BreakerState
from factory.model.engine import unmet_here
from factory.model.errors import FactoryError, MachineError
from factory.model.events import Blocked, Noticed, Started
from factory.model.failure import Failure, FailureClass
from factory.model.journal import Phase
from factory.model.lease import LEASE, Lease
from factory.model.moments import moment_of
from factory.store.repository.batch import Signature, add_commit
from factory.store.repository.refs import NOTHING, RefUpdate
from factory.store.repository.repository import branch_of
from factory.store.schema import misfit

_SPARE = timedelta(minutes=10)


@dataclass(frozen=True)
class _Claim:
    """An item that was claimed, or blocked instead."""

    state: ItemState
    request: RunRequest | None = None
    since: float | None = None  # when it was claimed, by the monotonic clock, if that is to be renewed
    breaker: BreakerState | None = None  # of its contract, when the item is the trial


def start(
    context: Context, snapshot: Snapshot, most: int | None = None, ended: Container[str] = ()
) -> list[ScheduleEntry]:
    """Start what may start, at most so many; the schedule of everything that waits.

    `ended` are the items whose runs will be forgotten before another one begins.
    """
    # A run goes on whose item lies in two lanes until a person decides, and it keeps its place.
    running, twice = context.runs.running, snapshot.listing.twice
    unseen = [each.request.lane for item_id, each in running.items() if item_id in twice and item_id not in ended]
    found = schedule(context.reader, snapshot, kinds=context.runs.kinds, unseen=unseen)
    base = context.writer.tip_of(snapshot.policy.target_branch)
    requests: list[tuple[RunRequest, float | None]] = []
    for entry in found:
        state = snapshot.items[entry.id]
        # Not while a person's move of it is still to be recorded, or a run of it that was stopped is still ending.
        free = state.recorded and (state.id not in context.runs.running or state.id in ended)
        if entry.start and free and (most is None or len(requests) < most):
            with context.isolating(state):
                claim = _claim(context, snapshot, entry, base)
                requests.extend([(claim.request, claim.since)] if claim.request else [])
                snapshot = snapshot.after(claim.state).with_breaker(claim.breaker)
    if requests:
        context.writer.once_published(partial(_warn, context, snapshot, any(each.tests for each, _ in requests)))
    for request, since in requests:
        context.writer.once_published(partial(context.runs.start, request, since))
    context.writer.publish()
    return found


def _warn(context: Context, snapshot: Snapshot, tests: bool) -> None:
    """Say, once, what does not contain the workers here, and the testers if there are any."""
    mode = snapshot.policy.sandbox
    missing = {sandbox(mode).missing, *([nesting_sandbox(mode).missing] if tests and mode != "required" else [])}
    for each in sorted(filter(None, missing - context.warned)):
        context.warned.add(each)
        context.tell(Noticed(f"WITHOUT A SANDBOX: {each}"))


def _claim(context: Context, snapshot: Snapshot, entry: ScheduleEntry, base: str) -> _Claim:
    """Commit the claim of one item, with what its worker gets, or that it is blocked instead."""
    state = snapshot.items[entry.id]
    assert state.item is not None and state.contract is not None
    arrival = context.reader.arrivals(snapshot).get(state.placed.path)
    failure = _hopeless(snapshot, state, context.runs.kinds)
    try:
        request = None if failure else _request(context, snapshot, state, base, entry.agent)
    except MachineError:
        raise  # tried again with the next pass
    except FactoryError as error:
        request, failure = None, Failure(FailureClass.CONFIG, error.message)
    if request is None:
        assert failure is not None
        blocked = Blocked(reason=f"{failure.reason}; {failure.kind.advice}", failure=failure.kind)
        return _Claim(context.writer.move(state, Move(blocked), (), arrival))
    judges = Trials(snapshot, context.runs.kinds).judges(state, entry.agent)
    request = replace(request, judges=judges)
    claimed = context.system.monotonic() if context.synced else None  # before the time is read of which the lease tells
    now = context.system.now()
    lease = _lease(context, request, state, now)
    since = state.history.since or (moment_of(arrival.at) if arrival else now)
    waiting = Phase.between("waiting", min(since, now), now)
    started = Started(lease=lease, worker=request.worker, phases=(waiting,))
    breaker = breaker_after_start(snapshot, state, request.agent)
    begun = context.writer.move(state, Move(started, queue_files=breaker_files(breaker), run=request.run), (), arrival)
    branch = branch_of(state.id)
    if context.repository.view_of(branch) is None:  # a person who has it checked out keeps it as it is
        # With the claim, so that what the run starts from is git's as soon as it is there.
        context.writer.also(RefUpdate(branch, context.writer.head_of(branch) or NOTHING, request.start))
    known = replace(request, claimed_at=begun.history.since, submitted_at=begun.history.entries[0].at)
    return _Claim(begun, known, claimed, breaker)


def _lease(context: Context, request: RunRequest, state: ItemState, now: datetime) -> Lease:
    """The lease of a claim: a short one that is renewed, where others see that; else one that lasts as long as it may.

    A clone that does not push each pass shows nobody that it is still at work. Its lease has to be as long as the run.
    """
    length = LEASE if context.synced else _longest(request) + _SPARE
    return Lease(
        owner=context.owner,
        generation=request.run,
        expires_at=now + length,
        base=request.base,
        item=state.placed.blob,
        renewable=context.synced,
    )


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
    spent = used_up(state, snapshot.policy)
    if spent:
        return Failure(FailureClass.BUDGET, spent)
    unmet = unmet_here(state.contract.worker.needs, snapshot.policy.engine)
    if unmet:
        return Failure(FailureClass.CONFIG, f"its contract's worker.needs {unmet}")
    wall = unfit(state.item, state.contract, snapshot.policy, kinds, situation_of(state))
    if wall:
        return wall
    reason = unscannable(snapshot.policy.secret_scan)
    if reason:
        return Failure(FailureClass.CONFIG, reason)
    reason = misfit(state.item.inputs, state.contract.receives)
    said = f"its inputs are not what the contract receives: {reason}"
    return Failure(FailureClass.INVALID_REQUEST, said) if reason else None


def _request(context: Context, snapshot: Snapshot, state: ItemState, base: str, agent: str) -> RunRequest:
    repository = context.repository
    beginning = beginning_of(context.reader, snapshot, state, base)
    if beginning.astray:
        context.writer.note(Noticed(f"begins anew: {beginning.astray}", state.id))
    signed = Signature(context.me, context.me, context.system.now())
    begin = add_commit(repository.objects, beginning.content, (base,), f"What {state.id} starts from.\n", signed)
    return next_request(context.reader, snapshot, state, base, (begin, beginning.of_run), agent)
