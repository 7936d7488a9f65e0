"""Run requests: all that the worker, or the checks, of one item are told."""

from factory.execution.request import RunRequest
from factory.line.dispatch.budget import remaining
from factory.line.snapshot import ItemState, Snapshot
from factory.model.lifecycle import Lane


def request_for(
    snapshot: Snapshot, state: ItemState, base: str, start: str, prompt: str = "", run: int = 0
) -> RunRequest:
    """The request for a run from a start commit, or for checks of the present one. `run` 0 means the present one."""
    assert state.contract is not None and state.contract_name is not None and state.item is not None
    history = state.history
    return RunRequest(
        item_id=state.id,
        item=state.item,
        contract_name=state.contract_name,
        contract=state.contract,
        policy=snapshot.policy,
        prompt=prompt,
        run=run or history.run,
        round=history.round,
        base=base,
        start=start,
        findings=history.findings,
        earlier=tuple(history.table.rows()),
        answered=history.answered,
        lane=Lane.REWORK if state.lane is Lane.REWORK else Lane.INBOX,
        created_at=history.entries[0].at if history.entries else None,
        updated_at=history.since,
        blocked_by=tuple((each, _lane_or_done(snapshot, each)) for each in state.item.depends_on),
        budget_left=remaining(snapshot, state),
        checked_again=history.to_be_checked_again,
    )


def _lane_or_done(snapshot: Snapshot, item_id: str) -> str:
    """The lane of an item; `done` for one that is not open: nothing starts before all that it waits for is finished."""
    return str(snapshot.items[item_id].lane) if item_id in snapshot.items else "done"
