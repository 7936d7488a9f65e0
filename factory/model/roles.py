"""Roles: which agents do which kind of work, by what is known of the item and of how it has gone."""

from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import Field

from factory.model.base import Name, Ordinal, Text
from factory.model.section import Section


class Role(StrEnum):
    """A kind of work for an agent."""

    PLAN = "plan"
    WORK = "work"
    REVIEW = "review"
    TEST = "test"
    STEER = "steer"


class Situation(NamedTuple):
    """What decides which agents of a role an item gets."""

    labels: tuple[str, ...] = ()
    contract: str = ""
    round: int = 1
    attempt: int = 1  # of the round: one more with each transient failure
    makers: frozenset[str] = frozenset()  # whoever has worked on it so far: what they made may be in the proposal still
    looked_at: frozenset[tuple[str, str]] = frozenset()  # (seat, maker) of each feature that scrutiny looks at


class RoleAgent(Section):
    """An agent in a role, for the items that it takes; each key that is left out takes all."""

    agent: Name
    labels: tuple[Text, ...] = ()
    contracts: tuple[Name, ...] = ()
    rounds: tuple[Ordinal, ...] = ()
    attempts: tuple[Ordinal, ...] = ()

    def takes(self, situation: Situation) -> bool:
        """Whether it is one for an item in this situation: it has all of the labels, and one of the others each."""
        return (
            set(self.labels) <= set(situation.labels)
            and (not self.contracts or situation.contract in self.contracts)
            and (not self.rounds or situation.round in self.rounds)
            and (not self.attempts or situation.attempt in self.attempts)
        )


Cast = Name | Annotated[tuple[Name | RoleAgent, ...], Field(min_length=1, max_length=50)]  # in turn


def members(cast: Cast) -> tuple[RoleAgent, ...]:
    """The agents in a role, in turn."""
    named = (cast,) if isinstance(cast, str) else cast
    return tuple(RoleAgent(agent=each) if isinstance(each, str) else each for each in named)
