"""Drift: what missions demand today, beside what was approved."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from factory.line.snapshot import SnapshotReader
from factory.model.errors import InvalidFile
from factory.model.layout import assertions_path
from factory.model.mission.assertions import Assertion, Assertions
from factory.report.fold.fold import Fold
from factory.report.metrics.sums import Sum
from factory.store import yaml
from factory.store.repository.objects import MissingObject, Objects


class Changed(NamedTuple):
    """How many assertions were changed, taken away or added, and how many there were when the plan was approved."""

    changed: int
    of: int


def missions_in(one: Sum) -> list[tuple[str, str]]:
    """(mission, the commit that brought in its plan) of a group, whenever that was."""
    told = [name for tally in (one.before, one.during) for name, _ in tally.labelled("mission")]
    return [(mission, commit) for mission, _, commit in (name.partition("/") for name in told) if commit]


def assertions_changed(reader: SnapshotReader, fold: Fold, missions: Iterable[tuple[str, str]]) -> Changed:
    """What became of the assertions of missions since their plans were approved, where this clone can tell."""
    objects = reader.repository.objects
    changed = of = 0
    for mission, commit in missions:
        approved, today = (_assertions(objects, each, mission) for each in (commit, fold.commit))
        if approved is not None and today is not None:
            changed += sum(approved.get(key) != today.get(key) for key in approved.keys() | today.keys())
            of += len(approved)
    return Changed(changed, of)


def _assertions(objects: Objects, commit: str, mission: str) -> Mapping[str, Assertion] | None:
    """A mission's assertions at a commit; None where there are none that can be read."""
    path = assertions_path(mission)
    try:
        data = objects.file(objects.commit(commit).tree, path)
        found = yaml.load(Assertions, yaml.Source(path, data)) if data is not None else None
    except (InvalidFile, MissingObject):
        return None
    return {each.id: each for each in found.root} if found else None
