"""Missions: the files of a mission's plan, as a tree holds them."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from pydantic import BaseModel

from factory.model.errors import InvalidFile, Problem
from factory.model.layout import assertions_path, mission_folder, plan_path, services_path
from factory.model.mission.assertions import Assertion, Assertions
from factory.model.mission.plan import Plan, Services
from factory.store import yaml
from factory.store.repository.objects import Objects

_M = TypeVar("_M", bound=BaseModel)


@dataclass(frozen=True)
class MissionFiles:
    """What a mission's files say."""

    plan: Plan
    assertions: tuple[Assertion, ...]
    services: Services
    skills: frozenset[str] = frozenset()  # folders below its own skills


def read_mission(objects: Objects, tree: str, mission: str) -> MissionFiles:
    """A mission's files in a tree. Raises InvalidFile with every mistake, and for a file that is missing."""
    problems: list[Problem] = []
    plan = _read(Plan, objects, tree, plan_path(mission), problems)
    assertions = _read(Assertions, objects, tree, assertions_path(mission), problems)
    services = Services()
    if objects.find(tree, services_path(mission)) is not None:
        services = _read(Services, objects, tree, services_path(mission), problems) or services
    if problems or plan is None or assertions is None:
        raise InvalidFile(*problems)
    skills = frozenset(objects.folder(tree, f"{mission_folder(mission)}/skills"))
    return MissionFiles(plan, assertions.root, services, skills)


def read_services(objects: Objects, tree: str, mission: str) -> Services:
    """What of a mission's product is run where it is tried; nothing where that is not said. Raises InvalidFile."""
    problems: list[Problem] = []
    path = services_path(mission)
    found = _read(Services, objects, tree, path, problems) if objects.find(tree, path) is not None else Services()
    if found is None:
        raise InvalidFile(*problems)
    return found


def _read(model: type[_M], objects: Objects, tree: str, path: str, problems: list[Problem]) -> _M | None:
    entry = objects.find(tree, path)
    if entry is None:
        problems.append(Problem(path, 1, 1, "is missing"))
        return None
    try:
        found = _parsed(model, path, objects.regular(path, entry, yaml.MAX_BYTES))
    except InvalidFile as error:
        problems.extend(error.problems)
        return None
    assert isinstance(found, model)
    return found


@lru_cache(maxsize=1000)  # every pass asks for those that are under way
def _parsed(model: type[BaseModel], path: str, data: bytes) -> BaseModel:
    return yaml.load(model, yaml.Source(path, data))
