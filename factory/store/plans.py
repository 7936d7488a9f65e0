"""Plans: the files of a mission, as a tree or a folder has them, held against the rules."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from pydantic import BaseModel

from factory.model.contract import Contract
from factory.model.errors import InvalidFile, Problem
from factory.model.item import Item
from factory.model.layout import (
    SKILLS,
    assertions_path,
    mission_folder,
    mission_skill_of,
    plan_path,
    services_path,
    skill_path,
)
from factory.model.mission.assertions import Assertions
from factory.model.mission.bounds import Steering, beyond_bounds
from factory.model.mission.held import Beside, Flaw, Held
from factory.model.mission.plan import Plan, Services
from factory.model.mission.rules import flaws
from factory.model.policy import Policy
from factory.store import yaml
from factory.store.library import Library
from factory.store.missions import MissionFiles
from factory.store.repository.objects import EMPTY_TREE, Objects
from factory.store.repository.trees import diff
from factory.store.skills import skill_head

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class PlanFiles:
    """The files of one mission: their paths, and how what lies at one is read.

    `read` gives None where nothing can be read, and raises InvalidFile where it would be too much.
    """

    mission: str
    paths: frozenset[str]
    read: Callable[[str], bytes | None]

    @classmethod
    def of_tree(cls, objects: Objects, tree: str, mission: str) -> "PlanFiles":
        """Those that a tree holds."""
        folder = objects.find(tree, mission_folder(mission))
        held = folder.oid if folder and folder.is_folder else EMPTY_TREE
        changes = diff(objects, EMPTY_TREE, held, f"{mission_folder(mission)}/")

        def read(path: str) -> bytes | None:
            entry = objects.find(tree, path)
            return objects.regular(path, entry, yaml.MAX_BYTES) if entry else None

        return cls(mission, frozenset(change.path for change in changes), read)

    @property
    def skills(self) -> dict[str, str]:
        """The mission's own skills: where what each says lies, by name."""
        return {name: path for path in sorted(self.paths) if (name := mission_skill_of(path))}


def contracts_in(objects: Objects, tree: str) -> dict[str, Contract]:
    """The contracts of a tree that can be read, by name."""
    return dict(Library(objects).contracts(tree))


def problems_of_plan(files: PlanFiles, beside: Beside) -> tuple[Problem, ...]:
    """Everything wrong with a mission's files, each with its line and column; `beside` knows nothing of these yet."""
    problems: list[Problem] = []
    mission = _read_all(files, problems)
    for name, path in files.skills.items():
        try:
            skill_head(name, files.read(path) or b"", path)
        except InvalidFile as error:
            problems += error.problems
    if problems or mission is None:
        return tuple(problems)
    beside = replace(beside, skills=beside.skills | files.skills.keys(), paths=files.paths)
    return tuple(_placed(files, flaws(Held(files.mission, mission.plan, mission.assertions, mission.services, beside))))


def problems_in_tree(
    objects: Objects, tree: str, mission: str, policy: Policy, item: Item | None
) -> tuple[Problem, ...]:
    """The same for a mission of a tree, with its item, beside the policy and the contracts and skills of the tree."""
    contracts = {name: contract.produces.plan for name, contract in contracts_in(objects, tree).items()}
    names = objects.folder(tree, SKILLS)
    skills = frozenset(name for name in names if objects.file(tree, skill_path(name)) is not None)
    return problems_of_plan(
        PlanFiles.of_tree(objects, tree, mission), Beside(policy, contracts, skills=skills, item=item)
    )


def read_plan(files: PlanFiles) -> MissionFiles | None:
    """What a mission's files say; None where that cannot be read."""
    return _read_all(files, [])


def _read_all(files: PlanFiles, problems: list[Problem]) -> MissionFiles | None:
    """What a mission's files say; None, and told among the problems, where that cannot be read."""
    plan = _read(files, Plan, plan_path(files.mission), problems)
    assertions = _read(files, Assertions, assertions_path(files.mission), problems)
    there = services_path(files.mission) in files.paths
    services = _read(files, Services, services_path(files.mission), problems) if there else Services()
    return MissionFiles(plan, assertions.root, services) if plan and assertions and services else None


def _read(files: PlanFiles, model: type[M], path: str, problems: list[Problem]) -> M | None:
    """What one of the files says; None, and told among the problems, where that cannot be read."""
    try:
        data = files.read(path) if path in files.paths else None
        if data is not None:
            return yaml.load(model, yaml.Source(path, data))
        problems.append(Problem(path, 1, 1, "is missing; a mission is a plan.yaml and the assertions.yaml it fulfills"))
    except InvalidFile as error:
        problems += error.problems
    return None


def _placed(files: PlanFiles, found: Iterator[Flaw]) -> Iterator[Problem]:
    """Flaws with their places; of a flood the first."""
    told = list(found)
    for flaw in told[: yaml.MOST_PROBLEMS]:
        source = yaml.Source(flaw.path, files.read(flaw.path) or b"")
        yield Problem(flaw.path, *yaml.place(source, flaw.key), flaw.text)
    if len(told) > yaml.MOST_PROBLEMS:
        path = told[yaml.MOST_PROBLEMS].path
        yield Problem(path, 1, 1, f"and {len(told) - yaml.MOST_PROBLEMS} more problems with the plan")


def bounded_paths(objects: Objects, before: str, after: str, steering: Steering | None) -> tuple[str, ...]:
    """The plan of a mission, where all that its steer makes of it between two trees is within bounds; else nothing."""
    if steering is None:
        return ()
    path = plan_path(steering.mission)
    try:
        old, new = (yaml.load(Plan, yaml.Source(path, objects.file(tree, path) or b"")) for tree in (before, after))
    except InvalidFile:
        return ()
    return () if beyond_bounds(old, new, steering) else (path,)
