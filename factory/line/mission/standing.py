"""Where a mission under way stands, with what of its assertions is stale on the target as it is. A look."""

from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.mission.assertions import Assertion, AssertionState
from factory.model.mission.record import MissionRecord
from factory.model.mission.standing import Standing
from factory.model.reads import Reads
from factory.store.missions import MissionFiles


def standing_of(
    reader: SnapshotReader, mission: str, files: MissionFiles, record: MissionRecord, target: str
) -> Standing:
    """Where a mission stands once the target is at a commit."""
    content = reader.repository.content_at(target)
    stale = frozenset(
        assertion.id
        for assertion in files.assertions
        if (judgement := record.judged.get(assertion.id)) is not None
        and judgement.state is AssertionState.PASSED
        and judgement.rests_on != rests_on(reader, assertion, content)
    )
    return Standing(mission, files.plan, files.assertions, record, stale)


def present_standing(reader: SnapshotReader, snapshot: Snapshot, mission: str) -> Standing | None:
    """Where a mission stands now; None where it is not under way, or its files cannot be read."""
    state, files = snapshot.items.get(mission), snapshot.missions.get(mission)
    target = reader.repository.head(snapshot.policy.target_branch)
    if state is None or files is None or target is None:
        return None
    return standing_of(reader, mission, files, state.history.mission, target)


def rests_on(reader: SnapshotReader, assertion: Assertion, content: str) -> str:
    """The digest of what an assertion's pass rests on, in a content."""
    return reader.contents.lying_at(content, Reads.of(assertion.rests_on))
