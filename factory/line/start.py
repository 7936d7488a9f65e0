"""Start: claim what may start, and hand it to the crew once the claim is committed."""

import os
from dataclasses import replace
from datetime import timedelta

from factory.line.breaker import claimed
from factory.line.budget import used_up
from factory.line.evidence import merged_content
from factory.line.floor import Floor
from factory.line.ledger import Move
from factory.line.ordering import order_of
from factory.line.plan import Outlook, outlooks, unfit
from factory.line.proposal import Unreadable, ensure
from factory.line.survey import Case, Survey
from factory.model.contract import Contract
from factory.model.errors import FactoryError, MachineError
from factory.model.failure import Failure, FailureClass
from factory.model.item import Item
from factory.model.journal import Lease
from factory.model.lifecycle import Event, Lane
from factory.model.verdict import SUBJECT_CHANGED
from factory.store.repository.batch import Signature, add_commit
from factory.store.repository.refs import NOTHING, RefUpdate
from factory.store.repository.repository import branch_of
from factory.store.schema import misfit
from factory.work.order import Order
from factory.work.sandbox import sandbox
from factory.work.secrets import unscannable

_SPARE = timedelta(minutes=10)


def start(floor: Floor, survey: Survey, most: int | None = None) -> list[Outlook]:
    """Start what may start, at most so many; the outlook of everything that waits."""
    found = outlooks(floor.surveyor, survey)
    target = survey.policy.target_branch
    base = survey.head if target == floor.branch else floor.repository.tip(target, "target")
    orders: list[Order] = []
    for outlook in found:
        if outlook.start and (most is None or len(orders) < most):
            case = survey.cases[outlook.id]
            with floor.sparing_others(case):
                order = _claim(floor, survey, case, base)
                orders.extend([order] if order else [])
    floor.ledger.publish()
    if orders:
        _warn(floor, survey)
    for order in orders:
        floor.crew.start(order)
    return found


def _warn(floor: Floor, survey: Survey) -> None:
    """Say, once, what does not contain the workers here."""
    missing = sandbox(survey.policy.sandbox).missing
    if missing and missing not in floor.warned:
        floor.warned.add(missing)
        floor.tell("", f"WITHOUT A SANDBOX: {missing}")


def _claim(floor: Floor, survey: Survey, case: Case, base: str) -> Order | None:
    """Commit the claim of one item; what its worker gets, or None when it was blocked instead."""
    assert case.item is not None and case.contract is not None
    arrival = floor.surveyor.arrivals(survey).get(case.placed.path)
    failure = _hopeless(survey, case)
    try:
        order = None if failure else _order(floor, survey, case, base)
    except MachineError:
        raise  # tried again with the next pass
    except FactoryError as error:
        order, failure = None, Failure(FailureClass.CONFIG, error.message)
    if order is None:
        assert failure is not None
        details: dict[str, object] = {"reason": f"{failure.reason}; {failure.kind.advice}", "failure": failure.kind}
        survey.cases[case.id] = floor.ledger.move(case, Move(Event.BLOCK, Lane.BLOCKED, details), (), arrival)
        return None
    limits = case.contract.limits
    lease = Lease(
        owner=floor.owner,
        generation=order.run,
        expires_at=survey.now + timedelta(minutes=limits.minutes * _longest(case.item, case.contract)) + _SPARE,
        base=order.base,
        item=case.placed.blob,
    )
    details = {"lease": lease, "worker": order.worker}
    move = Move(Event.START, Lane.ACTIVE, details, opened=claimed(survey, case), run=order.run)
    begun = survey.cases[case.id] = floor.ledger.move(case, move, (), arrival)
    branch = branch_of(case.id)
    if floor.repository.view_of(branch) is None:  # a person who has it checked out keeps it as it is
        # With the claim, so that what the run starts from is git's as soon as it is there.
        floor.ledger.also(RefUpdate(branch, floor.repository.head(branch) or NOTHING, order.start))
    return replace(order, claimed_at=begun.history.since)


def _longest(item: Item, contract: Contract) -> int:
    """How many processes, each under the contract's deadline, may follow one another until there is a delivery."""
    checks = len(contract.checks) + len(item.acceptance)
    canary = 3 * len(contract.checks)
    return 2 + 2 * checks + canary + any(seat.by_machine for seat in contract.review.seats)


def _hopeless(survey: Survey, case: Case) -> Failure | None:
    """Why it is no use to start an item at all."""
    assert case.item is not None and case.contract is not None
    spent = used_up(case)
    if spent:
        return Failure(FailureClass.BUDGET, spent)
    reason = unfit(case.item, case.contract, survey.policy) or unscannable(survey.policy.secret_scan)
    if reason:
        return Failure(FailureClass.CONFIG, reason)
    missing = [name for name in case.contract.worker.secrets if not os.environ.get(name)]
    if missing and not case.item.reverts:
        reason = f"the contract's worker needs {', '.join(missing)}, which the factory's environment does not have"
        return Failure(FailureClass.AUTH, reason)
    reason = misfit(case.item.inputs, case.contract.receives)
    said = f"its inputs are not what the contract receives: {reason}"
    return Failure(FailureClass.INVALID_REQUEST, said) if reason else None


def _order(floor: Floor, survey: Survey, case: Case, base: str) -> Order:
    assert case.contract is not None
    repository, history = floor.repository, case.history
    content = repository.content(repository.objects.commit(base).tree)
    anew = any(finding.id == SUBJECT_CHANGED for finding in history.findings)
    if history.proposal and case.lane is Lane.REWORK and case.contract.rework.keep_branch and not anew:
        # A proposal that no longer merges is made anew; its patch is in the findings' run for the worker to read.
        content = _brought_up(floor, survey, case, base) or content
    signed = Signature(floor.me, floor.me, floor.clock())
    begin = add_commit(repository.objects, content, (base,), f"What {case.id} starts from.\n", signed)
    prompt = floor.surveyor.library.prompt(survey.tree, case.contract, survey.workflow)
    order = order_of(survey, case, base, begin, prompt, history.run + 1)
    source = floor.surveyor.library.contract_bytes(survey.tree, order.contract_name) or b""
    return replace(order, contract_source=source, prompts=_seat_prompts(floor, survey, case.contract))


def _brought_up(floor: Floor, survey: Survey, case: Case, base: str) -> str:
    """What an item's last proposal makes of a base; empty when it cannot be read or does not merge."""
    proposal = case.history.proposal
    try:
        ensure(floor.surveyor, survey, case, proposal)
    except Unreadable as error:
        floor.tell(case.id, f"begins anew: {error.message}")
        return ""
    merge = merged_content(floor.repository, _base_of(floor, proposal), proposal, base)
    return "" if merge.conflicts else merge.tree


def _seat_prompts(floor: Floor, survey: Survey, contract: Contract) -> dict[str, str]:
    library = floor.surveyor.library
    asked = {seat.name: seat.prompt for seat in contract.review.seats if seat.prompt is not None}
    return {name: library.prompt_file(survey.tree, path) for name, path in asked.items()}


def _base_of(floor: Floor, proposal: str) -> str:
    parents = floor.repository.objects.commit(proposal).parents
    return parents[0] if parents else proposal
