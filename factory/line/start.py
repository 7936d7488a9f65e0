"""Start: claim what may start, and hand it to the crew once the claim is committed."""

from datetime import timedelta

from factory.line.evidence import merged_content
from factory.line.floor import Floor
from factory.line.ledger import Move
from factory.line.plan import Outlook, outlooks, unfit
from factory.line.survey import Case, Survey
from factory.model.contract import Contract
from factory.model.errors import FactoryError
from factory.model.failure import FailureClass
from factory.model.item import Item
from factory.model.journal import Lease
from factory.model.lifecycle import Event, Lane
from factory.model.verdict import SUBJECT_CHANGED
from factory.store.repository.commits import Signature, add_commit
from factory.store.schema import misfit
from factory.work.run import Order

_SPARE = timedelta(minutes=10)


def start(floor: Floor, survey: Survey, most: int | None = None) -> list[Outlook]:
    """Start what may start, at most so many; the outlook of everything that waits."""
    found = outlooks(floor.surveyor, survey)
    orders: list[Order] = []
    for outlook in found:
        if outlook.start and (most is None or len(orders) < most):
            case = survey.cases[outlook.id]
            order = _claim(floor, survey, case)
            orders.extend([order] if order else [])
    floor.ledger.publish()
    for order in orders:
        floor.crew.start(order)
    return found


def _claim(floor: Floor, survey: Survey, case: Case) -> Order | None:
    """Commit the claim of one item; what its worker gets, or None when it was blocked instead."""
    assert case.item is not None and case.contract is not None
    arrival = floor.surveyor.arrivals(survey).get(case.placed.path)
    reason = unfit(case.item, case.contract) or _misfit(case.item, case.contract)
    try:
        order = None if reason else _order(floor, survey, case)
    except FactoryError as error:
        order, reason = None, error.message
    if order is None:
        details: dict[str, object] = {"reason": reason, "failure": FailureClass.CONFIG}
        survey.cases[case.id] = floor.ledger.move(case, Move(Event.BLOCK, Lane.BLOCKED, details), (), arrival)
        return None
    limits = case.contract.limits
    lease = Lease(
        owner=floor.owner,
        generation=order.run,
        expires_at=survey.now + timedelta(minutes=limits.minutes * (2 + len(case.contract.checks))) + _SPARE,
        base=order.base,
        item=case.placed.blob,
    )
    details = {"lease": lease, "worker": case.contract.worker.name}
    move = Move(Event.START, Lane.ACTIVE, details, run=order.run)
    survey.cases[case.id] = floor.ledger.move(case, move, (), arrival)
    return order


def _misfit(item: Item, contract: Contract) -> str:
    reason = misfit(item.inputs, contract.receives)
    return f"its inputs are not what the contract receives: {reason}" if reason else ""


def _order(floor: Floor, survey: Survey, case: Case) -> Order:
    assert case.item is not None and case.contract is not None
    repository, history = floor.repository, case.history
    target = survey.policy.target_branch
    base = survey.head if target == floor.branch else repository.head(target)
    if base is None:
        raise FactoryError(f"the target branch {target} does not exist")
    content = repository.content(repository.objects.commit(base).tree)
    anew = any(finding.id == SUBJECT_CHANGED for finding in history.findings)
    if history.proposal and case.lane is Lane.REWORK and case.contract.rework.keep_branch and not anew:
        merge = merged_content(repository, _base_of(floor, history.proposal), history.proposal, base)
        # A proposal that no longer merges is made anew; its patch is in the findings' run for the worker to read.
        content = content if merge.conflicts else merge.tree
    signed = Signature(floor.me, floor.me, floor.clock())
    begin = add_commit(repository.objects, content, (base,), f"What {case.id} starts from.\n", signed)
    attempts = history.attempts
    return Order(
        item_id=case.id,
        item=case.item,
        contract=case.contract,
        prompt=floor.surveyor.library.prompt(survey.tree, case.contract, survey.workflow),
        run=history.run + 1,
        round=history.round,
        base=base,
        start=begin,
        findings=history.findings,
        attempt=attempts or None,
    )


def _base_of(floor: Floor, proposal: str) -> str:
    parents = floor.repository.objects.commit(proposal).parents
    return parents[0] if parents else proposal
