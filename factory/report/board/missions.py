"""Missions as the page shows them: milestones with their features, assertions with what shows that they hold."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import InvalidFile
from factory.model.lifecycle import Lane, Outcome
from factory.model.mission.plan import Feature, Milestone
from factory.model.mission.standing import feature_item
from factory.model.moments import epoch, moment_of
from factory.model.roles import Role
from factory.report.board.items import newest_ended
from factory.report.board.links import Links
from factory.report.board.values import AssertionLine, FeatureRow, Link, MilestonePanel, MissionPanel
from factory.report.board.words import anchor, line, moment
from factory.report.fold.facts import ItemFacts
from factory.report.fold.fold import Fold
from factory.report.mission_views import AssertionRow, MissionView, assertion_rows, mission_of, open_mission, word_of
from factory.report.status_row import Row

MOST_MISSIONS = 20
_LOOKED_AT = 2000  # items that ended last, among which those of missions are looked for
_MOST_FILES = 5  # that show one assertion
_OVER, _NOW, _COMING = "over", "now", "to come"


def panels(
    reader: SnapshotReader, snapshot: Snapshot, fold: Fold, links: Links, shown: Mapping[str, Row]
) -> tuple[MissionPanel, ...]:
    """The open missions, and then those that ended last."""
    return tuple(_panel(reader, snapshot, links, view) for view in _views(reader, snapshot, fold, shown))


def _views(reader: SnapshotReader, snapshot: Snapshot, fold: Fold, shown: Mapping[str, Row]) -> Iterator[MissionView]:
    ended = (item for item in newest_ended(fold, _LOOKED_AT) if item.opened is not None)
    found = [*(item for item in fold.open if fold.role_of(item) is Role.PLAN), *ended]
    for item in found[:MOST_MISSIONS]:
        if item.is_open and item.id in snapshot.items:
            yield open_mission(reader, snapshot, shown.get(item.id) or _row(item))
        elif not item.is_open:
            try:
                view = mission_of(reader, snapshot, item.id)
            except InvalidFile:
                continue  # the audit tells of it
            if view is not None:
                yield view


def _row(item: ItemFacts) -> Row:
    """What the journal alone says of an open one."""
    since: datetime | None = moment_of(item.since) if item.since is not None else None
    reason = item.stays[-1].reason if item.stays else ""
    return Row(item.id, item.title, item.lane, str(item.lane), since, reason)


def _panel(reader: SnapshotReader, snapshot: Snapshot, links: Links, view: MissionView) -> MissionPanel:
    progress, plan = view.progress, view.standing.plan if view.standing else None
    rows = assertion_rows(reader, snapshot, view)
    return MissionPanel(
        id=line(view.id),
        anchor=anchor("mission", view.id),
        title=line(view.title),
        word=view.word,
        note=line(view.note),
        goal=line(plan.goal, 600) if plan else "",
        passed=progress.passed if progress else 0,
        total=progress.assertions if progress else 0,
        progress=progress.in_words() if progress else "",
        milestones=tuple(_milestone(snapshot, view, each) for each in plan.milestones) if plan else (),
        assertions=tuple(_assertion(links, row) for row in rows),
    )


def _milestone(snapshot: Snapshot, view: MissionView, milestone: Milestone) -> MilestonePanel:
    features = tuple(_feature(snapshot, view, each) for each in milestone.features)
    return MilestonePanel(line(milestone.id), line(milestone.title), _turn(view, milestone), features)


def _turn(view: MissionView, milestone: Milestone) -> str:
    """Whether a milestone is over, is being carried out, or is to come."""
    standing = view.standing
    if standing is None or view.lane is Lane.DONE:
        return _OVER if view.history.outcome is Outcome.APPLIED else _COMING
    places = {each.id: number for number, each in enumerate(standing.plan.milestones)}
    turn = places[view.milestone.id] if view.milestone else len(places)
    return _OVER if places[milestone.id] < turn else _NOW if places[milestone.id] == turn else _COMING


def _feature(snapshot: Snapshot, view: MissionView, feature: Feature) -> FeatureRow:
    item_id = feature_item(view.id, feature.id)
    part = view.parts.get(item_id)
    return FeatureRow(line(item_id), line(feature.title), word_of(snapshot, part) if part else "not filed yet")


def _assertion(links: Links, row: AssertionRow) -> AssertionLine:
    judged = f"by {row.judgement.by}, {moment(epoch(row.judgement.at))}" if row.judgement else ""
    files = (links.to(path.rpartition("/")[2], path) for path in row.evidence)
    found: list[Link] = [Link(line(each.text, 60), each.href) for each in files if each]
    return AssertionLine(
        id=line(row.assertion.id),
        text=line(row.assertion.text, 400),
        state=str(row.state),
        judged=line(judged),
        links=tuple(found[:_MOST_FILES]),
    )
