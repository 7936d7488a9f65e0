"""What a mission needs besides its plan: the contracts of its items, and somebody in each of their roles."""

from collections.abc import Callable, Iterator, Mapping

from factory.model.contract import Contract
from factory.model.errors import InvalidFile, Problem
from factory.model.item import Item
from factory.model.layout import contract_path
from factory.model.mission.held import contract_of
from factory.model.mission.plan import SCRUTINY, STEER, TESTING
from factory.model.policy import Policy
from factory.model.roles import Situation
from factory.model.vacancies import vacancies
from factory.store import yaml
from factory.store.missions import MissionFiles

_VALIDATED = {
    SCRUTINY: "is not there, under which milestones are validated; factory init --missions lays it",
    TESTING: "is not there, under which users try what they judge; factory init --missions lays it",
}


def missing_for_mission(
    mission: str,
    item: Item | None,
    files: MissionFiles | None,
    policy: Policy,
    contract: Callable[[str], bytes | None],
) -> Iterator[Problem]:
    """What will be missing once a mission is carried out, each with its line; before it has a plan, what is sure to be.

    `item` is the mission's, `contract` gives what the file of a name says. Of one that is wrong its own check tells.
    """
    labels, roles = (tuple(item.labels) if item else ()), files.plan.roles if files else {}
    for name, must_be_there in _needed(mission, item, files, policy).items():
        path, data = contract_path(name), contract(name)
        if data is None:
            if must_be_there:
                yield Problem(path, 1, 1, _VALIDATED[name])
            continue
        source = yaml.Source(path, data)
        try:
            read = yaml.load(Contract, source)
        except InvalidFile:
            continue
        situation = Situation(labels, name)
        for vacancy in vacancies(read, policy, situation, roles, by_itself=name == SCRUTINY):
            yield Problem(path, *yaml.place(source, vacancy.key), vacancy.text)


def _needed(mission: str, item: Item | None, files: MissionFiles | None, policy: Policy) -> Mapping[str, bool]:
    """The contracts of its items by name, and whether it is this module that says so where one is not there."""
    needed = {SCRUTINY: True}
    if files is None:
        own = policy.contract_of(item) if item else None
        labels, priority = (item.labels, item.priority) if item else ((), None)
        routed = policy.contract_of(Item(title=mission, mission=mission, labels=labels, priority=priority))
        return {**dict.fromkeys(filter(None, (own, routed)), False), **needed, TESTING: False, STEER: False}
    if any(each.by is not None for each in files.assertions):
        needed[TESTING] = True
    features = (contract_of(policy, mission, feature, item) for _, feature in files.plan.features())
    return {**needed, STEER: False, **dict.fromkeys((each for each in features if each), False)}
