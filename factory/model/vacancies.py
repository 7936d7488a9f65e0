"""Vacancies: the roles under a contract in which there is nobody, or nobody but whoever is to be judged. Pure."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from factory.model.contract import Contract, Seat
from factory.model.policy import Policy
from factory.model.roles import Role, Situation

Key = tuple[str | int, ...]


class Vacancy(NamedTuple):
    """One of them: at which key of the contract, and in a sentence."""

    key: Key
    text: str


def vacancies(
    contract: Contract,
    policy: Policy,
    situation: Situation | None,
    roles: Mapping[Role, str],
    *,
    by_itself: bool = False,
) -> Iterator[Vacancy]:
    """Who is missing beside the agents that a plan puts into roles: for the first run of an item in a situation, or
    without one for any item.

    `by_itself`: the factory itself is the worker.
    """
    cast = contract.cast(roles)
    worker = cast.worker
    workers = () if by_itself else worker.agents or policy.agents_of(worker.role, situation)
    if worker.role and not workers and not by_itself:
        yield Vacancy(("worker", "role"), _nobody(worker.role))
    for number, seat in enumerate(cast.review.seats):
        judges = (seat.agent,) if seat.agent else policy.agents_of(seat.role, situation)
        if seat.role and not judges:
            yield Vacancy(("review", "seats", number, "role"), _nobody(seat.role))
        elif workers and all({*judges} == {each} for each in workers):
            yield Vacancy(("review", "seats", number), _alone(seat, judges[0]))


def _nobody(role: Role) -> str:
    return f"nobody is in the role {role.value!r}; WORKFLOW.md names an agent for it by roles: {{{role.value}: AGENT}}"


def _alone(seat: Seat, agent: str) -> str:
    return f"only the worker itself, {agent!r}, could sit in the seat {seat.name!r}, and nobody approves their own work"
