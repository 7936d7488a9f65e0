"""Missions in a working tree: what is wrong with their plans as they lie there, committed or not."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from factory.model.errors import InvalidFile, Problem
from factory.model.item import Item, id_problem
from factory.model.layout import (
    MISSIONS,
    SKILLS,
    WORKFLOW,
    contract_path,
    item_pathspec,
    lane_of,
    mission_folder,
    plan_path,
    skill_path,
)
from factory.model.lifecycle import Lane
from factory.model.mission.held import Beside
from factory.model.policy import Policy
from factory.report.cross_checks import content, contracts_in
from factory.store import files
from factory.store.library import read_workflow
from factory.store.mission_needs import missing_for_mission
from factory.store.plans import PlanFiles, problems_of_plan, read_plan
from factory.store.queue import read_item


def of_missions(root: Path, chosen: Sequence[str]) -> Iterator[Problem]:
    """What is wrong with the missions of a working tree: with all, or with those in which a chosen path lies."""
    found = sorted(each.name for each in (root / MISSIONS).glob("*") if each.is_dir() and not each.name.startswith("."))
    wanted = [mission for mission in found if _is_chosen(mission_folder(mission), chosen)]
    if not wanted:
        return
    beside = Beside(
        policy=_policy(root),
        contracts={name: contract.produces.plan for name, contract in contracts_in(root)},
        skills=frozenset(each.name for each in (root / SKILLS).glob("*") if (root / skill_path(each.name)).is_file()),
    )
    for mission in wanted:
        if problem := id_problem(mission):
            yield Problem(plan_path(mission), 1, 1, problem.replace("file", "folder"))
            continue
        item, ended = _item(root, mission)
        flaws = problems_of_plan(_files(root, mission), beside.of_item(item))
        yield from flaws
        if not flaws and item is not None and not ended:  # else nobody carries it out
            yield from _missing(root, mission, item, beside.policy)


def _is_chosen(folder: str, chosen: Sequence[str]) -> bool:
    return not chosen or any(
        path == "." or f"{path}/".startswith(f"{folder}/") or f"{folder}/".startswith(f"{path}/") for path in chosen
    )


def _files(root: Path, mission: str) -> PlanFiles:
    """The plain files in a mission's folder."""
    there = (root / mission_folder(mission)).rglob("*")
    paths = frozenset(str(path.relative_to(root)) for path in there if path.is_file() and not path.is_symlink())
    return PlanFiles(mission, paths, lambda path: content(root, path))


def _policy(root: Path) -> Policy:
    """The policy there; the usual one where WORKFLOW.md says of itself what is wrong with it."""
    workflow = files.read_regular(root / WORKFLOW)
    try:
        return read_workflow(workflow).policy if workflow else Policy()
    except InvalidFile:
        return Policy()


def _missing(root: Path, mission: str, item: Item, policy: Policy) -> Iterator[Problem]:
    """What a mission with a plan that can be carried out will lack besides."""
    files = read_plan(_files(root, mission))
    yield from missing_for_mission(mission, item, files, policy, lambda name: content(root, contract_path(name)))


def _item(root: Path, mission: str) -> tuple[Item | None, bool]:
    """The item of a mission, wherever it lies, and whether it is at its end; None where none can be read."""
    for path in root.glob(item_pathspec(mission)):
        name = str(path.relative_to(root))
        try:
            return read_item(name, content(root, name) or b""), lane_of(name) is Lane.DONE
        except InvalidFile:
            break  # told of the file itself
    return None, False
