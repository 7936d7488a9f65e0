"""How the repositories of a fleet are, each read by itself: one that cannot be read says so in its own row."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from factory.line.fleet.supervisor import bounds_of
from factory.line.lock import holder
from factory.line.snapshot import SnapshotReader
from factory.model.bounds import Bounds
from factory.model.errors import FactoryError, told_by
from factory.model.layout import lane_folder
from factory.model.lifecycle import Lane
from factory.model.moments import day_of
from factory.store.fleet_file import FleetFile, Place
from factory.store.library import locate_branch
from factory.store.repository.repository import Repository


@dataclass(frozen=True)
class Row:
    """One repository of a fleet."""

    name: str
    path: str
    weight: float
    most: int  # workers at once
    problem: str = ""  # why nothing else is known of it
    orchestrator: str = ""  # who holds its lock; empty when nobody does
    at_work: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)  # of items, by open lane
    done_today: int = 0
    spent_today: float = 0.0  # USD; added up where there is a budget
    usd_per_day: float | None = None


def rows_of(file: FleetFile) -> Iterator[Row]:
    """Each repository, in the order of the file."""
    for place, bounds in bounds_of(file):
        pool = file.fleet.max_concurrent_agents
        most = min(pool, place.tenant.max_concurrent_agents or pool)
        try:
            yield _row(place, bounds, most)
        except (FactoryError, OSError) as error:
            yield Row(place.name, str(place.folder), place.tenant.weight, most, told_by(error))


def _row(place: Place, bounds: Bounds, most: int) -> Row:
    with closing(Repository(place.folder)) as opened:
        branch = locate_branch(opened)
        snapshot = SnapshotReader(opened, branch, bounds).snapshot(opened.system.now(), opened.tip(branch))
        today = lane_folder(Lane.DONE, day_of(snapshot.now))
        return Row(
            name=place.name,
            path=str(place.folder),
            weight=place.tenant.weight,
            most=min(most, snapshot.policy.agent.max_concurrent_agents),
            orchestrator=str(holder(opened.state) or ""),
            at_work=len(snapshot.at_work()),
            counts={lane: len(snapshot.in_lane(lane)) for lane in Lane if lane is not Lane.DONE},
            done_today=len(opened.objects.folder(snapshot.tree, today)),
            spent_today=snapshot.spent_today,
            usd_per_day=snapshot.policy.budget.usd_per_day,
        )
