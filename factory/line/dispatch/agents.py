"""Who works on an item: the agents that its contract names, in turn, and why one of them cannot do it here."""

import os
from collections.abc import Collection

from factory.line.snapshot import ItemState
from factory.model.contract import Contract, Seat
from factory.model.failure import Failure, FailureClass
from factory.model.policy import Policy


def candidates(state: ItemState) -> tuple[str, ...]:
    """The agents that an item's next run may be made by, in turn: those that it has not met a wall with.

    None where a command works, or a change is undone.
    """
    if state.contract is None or state.item is None or state.item.reverts:
        return ()
    named = state.contract.worker.agents
    return tuple(name for name in named if name not in state.history.walls) or named


def others_left(state: ItemState, agent: str) -> bool:
    """Whether an item that an agent cannot go on with may be done by another one."""
    return any(name != agent for name in candidates(state))


def obstacle(contract: Contract, policy: Policy, name: str, kinds: Collection[str]) -> Failure | None:
    """Why an agent, or without a name a command, cannot work under a contract here; None when it can.

    `kinds` are those of the agents that can be run.
    """
    reason = _misfit(contract, policy, name, kinds)
    if reason:
        return Failure(FailureClass.CONFIG, reason)
    agent = policy.agent_named(name)
    needed = {"the contract's worker": (*contract.worker.secrets, *(agent.keys.values() if agent else ()))}
    for seat in contract.review.seats:
        reviewer = policy.agent_named(seat.agent)
        needed[f"its seat {seat.name!r}"] = tuple(reviewer.keys.values()) if reviewer else ()
    for who, names in needed.items():
        missing = ", ".join(each for each in names if not os.environ.get(each))
        if missing:
            return Failure(FailureClass.AUTH, f"{who} needs {missing}, which the factory's environment does not have")
    return None


def _misfit(contract: Contract, policy: Policy, name: str, kinds: Collection[str]) -> str:
    agent = policy.agent_named(name)
    if name and agent is None:
        return f"its contract's worker is the agent {name!r}, which WORKFLOW.md does not name under 'agents'"
    known = " or ".join(map(repr, sorted(kinds)))
    if agent and agent.kind not in kinds:
        return f"the agent {name!r} is of kind {agent.kind!r}; only agents of kind {known} can be run yet"
    for seat in contract.review.seats:
        reviewer = policy.agent_named(seat.agent)
        if _is_itself(seat, contract, name):
            return f"its contract's seat {seat.name!r} is the worker itself, and nobody approves their own work"
        if seat.agent and (reviewer is None or reviewer.kind not in kinds):
            return f"its contract's seat {seat.name!r} needs the agent {seat.agent!r} of kind {known} in WORKFLOW.md"
        if contract.review.distinct_models and reviewer and agent:
            if reviewer.model is None or agent.model is None:
                return "its contract wants distinct models, and WORKFLOW.md does not say which model each agent has"
            if reviewer.model == agent.model:
                return (
                    f"its contract wants distinct models, and the seat {seat.name!r} has the worker's, {agent.model!r}"
                )
    return ""


def _is_itself(seat: Seat, contract: Contract, name: str) -> bool:
    return bool(seat.by_machine) and (seat.agent or "", seat.run) == (name, contract.worker.run)
