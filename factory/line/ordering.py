"""Ordering: what the worker, or the checks, of one item are told."""

from factory.line.budget import left
from factory.line.survey import Case, Survey
from factory.model.lifecycle import Lane
from factory.work.order import Order


def order_of(survey: Survey, case: Case, base: str, start: str, prompt: str = "", run: int = 0) -> Order:
    """The order for a run from a start commit, or for checks of the present one. `run` 0 means the present one."""
    assert case.contract is not None and case.contract_name is not None and case.item is not None
    history = case.history
    return Order(
        item_id=case.id,
        item=case.item,
        contract_name=case.contract_name,
        contract=case.contract,
        policy=survey.policy,
        prompt=prompt,
        run=run or history.run,
        round=history.round,
        base=base,
        start=start,
        findings=history.findings,
        earlier=tuple(history.table.rows()),
        lane=Lane.REWORK if case.lane is Lane.REWORK else Lane.INBOX,
        created_at=history.entries[0].at if history.entries else None,
        updated_at=history.since,
        blocked_by=tuple((each, _where(survey, each)) for each in case.item.depends_on),
        left=left(survey, case),
        checked_again=history.to_be_checked_again,
    )


def _where(survey: Survey, item_id: str) -> str:
    return str(survey.cases[item_id].lane) if item_id in survey.cases else "done"
