"""Where a mission under way stands, with what of its assertions is stale on the target as it is. A look."""

from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.base import digest
from factory.model.errors import InvalidFile
from factory.model.item import Budget
from factory.model.journal import History
from factory.model.layout import contract_path, item_path
from factory.model.lifecycle import Lane
from factory.model.mission.assertions import Assertion, AssertionState
from factory.model.mission.bounds import Steering
from factory.model.mission.plan import STEER
from factory.model.mission.record import MissionRecord
from factory.model.mission.standing import Standing, feature_item
from factory.model.reads import Reads
from factory.store.missions import MissionFiles


def standing_of(
    reader: SnapshotReader, tree: str, mission: str, files: MissionFiles, history: History, target: str
) -> Standing:
    """Where a mission stands, by a tree of the branch and its own history, once the target is at a commit."""
    record = history.mission
    content = reader.repository.content_at(target)
    stale = frozenset(
        assertion.id
        for assertion in files.assertions
        if (judgement := record.judged.get(assertion.id)) is not None
        and judgement.state is AssertionState.PASSED
        and judgement.rests_on != rests_on(reader, assertion, content)
    )
    spent, seconds = history.usage, history.seconds
    if files.plan.budget != Budget():  # else nobody asks
        for each in histories_of(reader, tree, record):
            spent, seconds = spent.plus(each.usage), seconds + each.seconds
    steered = reader.repository.objects.find(tree, contract_path(STEER)) is not None
    taken = partial(_is_taken, reader, tree)
    return Standing(mission, files.plan, files.assertions, record, stale, spent, seconds, steered, taken)


def _is_taken(reader: SnapshotReader, tree: str, item_id: str) -> bool:
    """Whether there is an item of an id, open or finished."""
    places = (item_path(lane, item_id) for lane in Lane if lane is not Lane.DONE)
    is_open = any(reader.repository.objects.find(tree, place) is not None for place in places)
    return is_open or bool(reader.queue.done_day(tree, item_id))


def steering_of(reader: SnapshotReader, tree: str, mission: str, record: MissionRecord) -> Steering:
    """What of a mission's plan its steer may not change: the features that somebody has begun, or touched."""
    free = {*not_begun(reader, tree, record)}
    begun = (key for key, filed in record.filed.items() if filed.builds and key not in free)
    failed = tuple(key for key, issue in record.issues.items() if issue.assertion)
    names = tuple(key.removeprefix(feature_item(mission, "")) for key in begun)
    return Steering(mission, names, failed, tuple(record.issues))


def histories_of(reader: SnapshotReader, tree: str, record: MissionRecord) -> Iterator[History]:
    """What happened to the items of a mission, as far as it can be read."""
    for item_id in record.filed:
        with suppress(InvalidFile):
            history = reader.artifacts.history(tree, item_id, reader.artifacts.done_day(tree, item_id) or "")
            yield history
            yield from histories_of(reader, tree, history.mission)  # it may be a mission itself


def not_begun(reader: SnapshotReader, tree: str, record: MissionRecord) -> Iterator[str]:
    """The features of a mission that nobody has begun, and whose files are as they were made: the plan's to change."""
    for item_id, filed in record.filed.items():
        entry = reader.repository.objects.find(tree, item_path(Lane.INBOX, item_id))
        if entry is None or not filed.builds or item_id in record.ended:
            continue
        with suppress(InvalidFile):
            if entry.oid == filed.blob and reader.artifacts.history(tree, item_id).run == 0:
                yield item_id


def present_standing(reader: SnapshotReader, snapshot: Snapshot, mission: str) -> Standing | None:
    """Where a mission stands now; None where it is not under way, or its files cannot be read."""
    state, files = snapshot.items.get(mission), snapshot.missions.get(mission)
    target = reader.repository.head(snapshot.policy.target_branch)
    if state is None or files is None or target is None:
        return None
    return standing_of(reader, snapshot.tree, mission, files, state.history, target)


def rests_on(reader: SnapshotReader, assertion: Assertion, content: str) -> str:
    """The digest of what an assertion's pass rests on: what it asks, and what lies at its paths in a content."""
    asked = assertion.model_dump_json(include={"text", "check", "by"})
    return digest(f"{asked}\n{reader.contents.lying_at(content, Reads.of(assertion.rests_on))}".encode())
