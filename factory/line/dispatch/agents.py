"""Who works on an item and who judges it: the agents that its contract names, in turn, and why one of them cannot."""

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from factory.line.snapshot import ItemState
from factory.model.agent import Agent
from factory.model.contract import Contract, Seat, SeatKind
from factory.model.failure import Failure, FailureClass
from factory.model.policy import Policy
from factory.model.roles import Situation


def situation_of(state: ItemState) -> Situation:
    """What decides which agents of a role an item gets now."""
    history, labels = state.history, state.item.labels if state.item else ()
    return Situation(
        tuple(labels),
        state.contract_name or "",
        history.round,
        history.attempts + 1,
        frozenset(history.makers),
        state.looked_at,
    )


def candidates(state: ItemState, policy: Policy) -> tuple[str, ...]:
    """The agents that an item's next run may be made by, in turn: those that it has not met a wall with.

    None where a command works, or the factory itself.
    """
    if state.contract is None or state.item is None or state.item.by_itself:
        return ()
    worker = state.contract.worker
    named = worker.agents or policy.agents_of(worker.role, situation_of(state))
    return tuple(name for name in named if name not in state.history.walls) or named


def others_left(state: ItemState, policy: Policy, agent: str) -> bool:
    """Whether an item that an agent cannot go on with may be done by another one."""
    return any(name != agent for name in candidates(state, policy))


@dataclass(frozen=True)
class Casting:
    """Who may work and judge under one contract, for items in one situation. `kinds` are those that can be run."""

    contract: Contract
    policy: Policy
    kinds: Collection[str]
    situation: Situation

    @classmethod
    def of(cls, state: ItemState, policy: Policy, kinds: Collection[str]) -> "Casting":
        """The casting of an item as it is now, whose contract can be read."""
        assert state.contract is not None
        return cls(state.contract, policy, kinds, situation_of(state))

    def obstacle(self, worker: str) -> Failure | None:
        """Why an agent, or without a name a command, cannot work here; None when it can."""
        agent = self.policy.agent_named(worker)
        if worker and agent is None:
            said = f"its contract's worker is the agent {worker!r}, which WORKFLOW.md does not name under 'agents'"
            return Failure(FailureClass.CONFIG, said)
        if agent and agent.kind not in self.kinds:
            said = f"the agent {worker!r} is of kind {agent.kind!r}; only agents of kind {self._known} can be run yet"
            return Failure(FailureClass.CONFIG, said)
        secrets = (*self.contract.worker.secrets, *(agent.keys.values() if agent else ()))
        return self.unjudged(worker) or self._lacking("the contract's worker", secrets)

    def unjudged(self, worker: str | None) -> Failure | None:
        """Why nobody can judge what an agent, without a name a command, or for None the factory itself has made."""
        for seat in self.contract.review.seats:
            walls = [self._wall(seat, judge, worker) for judge in self._named(seat)]
            if walls and walls[0] and all(walls):
                return walls[0]
            if seat.role and not walls:
                said = f"its contract's seat {seat.name!r} is one of the role {seat.role}"
                return Failure(FailureClass.CONFIG, f"{said}, in which WORKFLOW.md has nobody for it")
        return None

    def judges(self, seat: Seat, worker: str) -> tuple[str, ...]:
        """The agents that may sit in a seat and judge what an agent, or a command, has made; in turn.

        Nobody who has made the feature that scrutiny looks at, where somebody else can: else a fresh run of theirs,
        since the item that made it is at its end, and they have a say in nothing that they are making now.
        """
        able = tuple(judge for judge in self._named(seat) if judge and self._wall(seat, judge, worker) is None)
        return tuple(judge for judge in able if (seat.name, judge) not in self.situation.looked_at) or able

    @property
    def _known(self) -> str:
        return " or ".join(map(repr, sorted(self.kinds)))

    def _named(self, seat: Seat) -> tuple[str, ...]:
        if seat.kind is SeatKind.AGENT:
            return (seat.agent,) if seat.agent else self.policy.agents_of(seat.role, self.situation)
        return ("",) if seat.by_machine else ()

    def _wall(self, seat: Seat, judge: str, worker: str | None) -> Failure | None:
        """Why an agent, or a command, cannot judge in a seat what a worker, or for None the factory, has made."""
        agent, reviewer = self.policy.agent_named(worker), self.policy.agent_named(judge)
        if worker is not None and (judge, seat.run) == (worker, self.contract.worker.run):
            said = f"its contract's seat {seat.name!r} is the worker itself, and nobody approves their own work"
            return Failure(FailureClass.CONFIG, said)
        if judge and (reviewer is None or reviewer.kind not in self.kinds):
            said = f"its contract's seat {seat.name!r} needs the agent {judge!r} of kind {self._known} in WORKFLOW.md"
            return Failure(FailureClass.CONFIG, said)
        if judge and judge in self.situation.makers:
            said = f"the agent {judge!r} of its seat {seat.name!r} has worked on it, and nobody approves their own work"
            return Failure(FailureClass.CONFIG, said)
        others = self.situation.makers - {worker or ""} | {
            maker for name, maker in self.situation.looked_at if name == seat.name
        }
        makers = (agent, *map(self.policy.agent_named, sorted(others)))
        same = next(filter(None, (self._alike(seat, maker, reviewer) for maker in makers)), "")
        if same:
            return Failure(FailureClass.CONFIG, f"its contract wants distinct models, and {same}")
        return self._lacking(f"its seat {seat.name!r}", reviewer.keys.values() if reviewer else ())

    def _alike(self, seat: Seat, worker: Agent | None, judge: Agent | None) -> str:
        """In what the models of a worker and of a judge are not distinct, where the contract wants it."""
        if not self.contract.review.distinct_models or worker is None or judge is None:
            return ""
        if judge.model is None or worker.model is None:
            return "WORKFLOW.md does not say which model each agent has"
        return f"the seat {seat.name!r} has the worker's, {worker.model!r}" if judge.model == worker.model else ""

    def _lacking(self, who: str, names: Iterable[str]) -> Failure | None:
        """The failure of somebody who needs variables that are not there; other machines have their own."""
        missing = ", ".join(each for each in names if not os.environ.get(each)) if self.policy.engine.is_local else ""
        said = f"{who} needs {missing}, which the factory's environment does not have"
        return Failure(FailureClass.AUTH, said) if missing else None
