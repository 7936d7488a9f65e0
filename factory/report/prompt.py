"""What would be sent to whoever works on an item next, or judges it."""

from factory.execution.agents import reviewer, session
from factory.execution.agents.kinds import AGENTS
from factory.line.dispatch.breakers import Trials
from factory.line.dispatch.requests import beginning_of, next_request
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.contract import SeatKind
from factory.model.errors import UsageError
from factory.model.item import Item
from factory.model.journal import History
from factory.store.queue import Placed
from factory.store.sessions import Sessions


def begun(reader: SnapshotReader, snapshot: Snapshot, placed: Placed, item: Item) -> ItemState:
    """An item to which nothing has happened yet. Raises InvalidFile for a contract that cannot be read."""
    name = snapshot.policy.contract_of(item)
    contract = reader.library.contract(snapshot.tree, name) if name else None
    return ItemState(placed, item, History(), name, contract.for_item(item) if contract else None)


def prompt_for(reader: SnapshotReader, snapshot: Snapshot, state: ItemState, seat: str | None) -> str:
    """The prompt for the item's worker, or for the agent in a seat of its contract.

    Raises UsageError where there is no such seat, and TemplateProblem.
    """
    assert state.contract is not None and state.item is not None
    if state.item.reverts and seat is None:
        raise UsageError(
            f"{state.id} undoes {state.item.reverts[:10]} by itself; nobody is asked for it", "factory show"
        )
    if state.item.by_itself and seat is None:
        judges = ", ".join(each.name for each in state.contract.seats(SeatKind.AGENT)) or "no agent"
        said = f"the factory itself works on {state.id}, and nobody is asked but who judges: {judges}"
        raise UsageError(said, f"factory prompt {state.id} --seat NAME")
    base = reader.repository.tip(snapshot.policy.target_branch, "target")
    trials = Trials(snapshot, AGENTS)
    agent = trials.turn(state).agent
    begin = (base, beginning_of(reader, snapshot, state, base).of_run)
    request = next_request(reader, snapshot, state, base, begin, agent)
    if seat is not None:
        seats = {each.name: each for each in state.contract.seats(SeatKind.AGENT)}
        if seat not in seats:
            known = f"; there are {', '.join(seats)}" if seats else ""
            raise UsageError(f"{state.contract_name} has no seat {seat!r} with an agent in it{known}", "factory check")
        judge = next(iter(trials.judges(state, agent).get(seat, ())), seats[seat].agent or "")
        return reviewer.prompt_of(request, seats[seat], state.history.subject, judge)[0]
    whole = session.whole_prompt(request)
    goes_on = session.kept_for(request, Sessions(reader.repository.state)) is not None
    return session.prompt_of(request, whole) if goes_on else whole
