"""Briefs: what the workers and reviewers of a mission's items are told besides the item."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from pydantic import JsonValue

from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.layout import run_file
from factory.model.mission.plan import Feature
from factory.model.mission.record import FiledAs, Issue, MissionRecord
from factory.model.mission.report import report_in
from factory.model.mission.standing import feature_item
from factory.model.run_layout import PATCH, worker_file
from factory.store.missions import MissionFiles

_LAST_HANDOFFS = 5


def brief_of(reader: SnapshotReader, snapshot: Snapshot, state: ItemState) -> dict[str, JsonValue]:
    """The mission that an item is a part of: its goal and constraints, what it is to bring about or to put right, how
    the product is started, and the last handoffs.

    Nothing for what is part of none. Testers are told what to judge, and not who did what.
    """
    mission = state.item.mission if state.item else None
    files = snapshot.missions.get(mission or "")
    if mission is None or files is None or state.item is None:
        return {}
    told: dict[str, JsonValue] = {"id": mission, "goal": files.plan.goal}
    if state.item.validates:
        return told
    record = _record(snapshot, mission)
    filed = record.filed.get(state.id)
    issues = {key: record.issues[key] for key in (filed.answers if filed else ()) if key in record.issues}
    wanted = {*state.item.fulfills, *(each.assertion for each in issues.values())}
    assertions: list[JsonValue] = [
        {"id": each.id, "text": each.text, "by": str(each.by or "check")}
        for each in files.assertions
        if each.id in wanted
    ]
    handoffs: list[JsonValue] = [*islice(_handoffs(reader, snapshot, mission), _LAST_HANDOFFS)]
    told["notes"] = [*files.plan.notes]
    told["issues"] = [
        {"id": key, "text": issue.text, "evidence": [*_shown(reader, snapshot, record, key, issue)]}
        for key, issue in issues.items()
    ]
    told["services"] = {name: [*each.run] for name, each in files.services.services.items()}
    return {**told, "constraints": [*files.plan.constraints], "assertions": assertions, "handoffs": handoffs}


def _record(snapshot: Snapshot, mission: str) -> MissionRecord:
    state = snapshot.items.get(mission)
    return state.history.mission if state else MissionRecord()


def _shown(
    reader: SnapshotReader, snapshot: Snapshot, record: MissionRecord, issue_id: str, issue: Issue
) -> Iterator[JsonValue]:
    """Where a user left the files that show what is wrong: each as `git show` takes it."""
    item_id = issue_id.partition("/")[0]
    filed, day = record.filed.get(item_id), reader.artifacts.done_day(snapshot.tree, item_id)
    if filed is None or filed.kind is not FiledAs.TESTING or day is None:
        return
    run = reader.artifacts.history(snapshot.tree, item_id, day).run
    result = reader.artifacts.result(*(snapshot.tree, item_id, run, day))
    with suppress(ValueError):  # of files that were changed since, which the audit tells
        found = report_in(result.data).assertions if result else {}
        for name in found[issue.assertion].evidence if issue.assertion in found else ():
            yield f"{snapshot.policy.branch}:{run_file(item_id, run, worker_file(name), day)}"


def _handoffs(reader: SnapshotReader, snapshot: Snapshot, mission: str) -> Iterator[JsonValue]:
    """What the workers of the mission's features that are done have said, the last one first."""
    record = _record(snapshot, mission)
    for item_id in reversed([*record.ended]):
        day = reader.artifacts.done_day(snapshot.tree, item_id)
        if day is None or not record.filed[item_id].builds:
            continue
        run = reader.artifacts.history(snapshot.tree, item_id, day).run
        result = reader.artifacts.result(*(snapshot.tree, item_id, run, day))
        if result is not None:
            said = result.handoff.model_dump(mode="json", include={"completed", "left_undone", "issues"})
            yield {"item": item_id, "summary": result.summary, **{key: each for key, each in said.items() if each}}


def patches_of(reader: SnapshotReader, snapshot: Snapshot, state: ItemState) -> dict[str, bytes]:
    """By seat, the patches that scrutiny looks at: those with which its features were delivered last."""
    found: dict[str, bytes] = {}
    for seat, item_id in state.item.looked_at.items() if state.item else ():
        day = reader.artifacts.done_day(snapshot.tree, item_id) or ""
        run = reader.artifacts.history(snapshot.tree, item_id, day).run
        path = run_file(item_id, run, PATCH, day)
        found[seat] = reader.archive.file(snapshot.tree, path) or b""
    return found


def feature_of(files: MissionFiles | None, mission: str, item_id: str) -> Feature | None:
    """The feature of a mission's plan that an item is; None for one that is none."""
    features = files.plan.features() if files else ()
    return next((each for _, each in features if feature_item(mission, each.id) == item_id), None)
