"""Guards: assertions of finished missions that are looked at again when what they rest on has changed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count, islice, takewhile

from factory.line.context import Context
from factory.line.mission.filing import Filing
from factory.line.mission.findings import EndedItem, Findings
from factory.line.mission.standing import rests_on
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import InvalidFile
from factory.model.layout import MISSIONS, item_path, stem
from factory.model.lifecycle import Lane, Outcome
from factory.model.mission.assertions import Assertion, Judgement
from factory.model.mission.record import Filed, FiledAs, Issue
from factory.model.mission.steps import FollowUp, Validation
from factory.store.missions import MissionFiles, read_mission
from factory.store.repository.objects import name_of

_NAMES = {FiledAs.SCRUTINY: "guard", FiledAs.TESTING: "guard-testing"}


def guard(context: Context, snapshot: Snapshot) -> None:
    """File what has to be looked at again, and what is broken."""
    target = context.writer.tip_of(snapshot.policy.target_branch)
    for mission, files in guarding(context.reader, snapshot.tree, target, snapshot.items):
        try:
            made = dict(due(context.reader, snapshot.tree, target, mission, files))
        except InvalidFile as error:  # what it looked at before cannot be read
            context.item_problems.extend(error.problems)
            continue
        if made:
            names = ", ".join(stem(path.rpartition("/")[2]) for path in made)
            context.writer.take_in(context.me, made, f"factory: {mission} is guarded: filed {names}")
    context.writer.publish()


def guarding(
    reader: SnapshotReader, tree: str, target: str, under_way: Mapping[str, object]
) -> Iterator[tuple[str, MissionFiles]]:
    """The finished missions with assertions that are guarded."""
    at_target = reader.repository.objects.commit(target).tree
    for mission in reader.repository.objects.folder(at_target, MISSIONS):
        if mission in under_way or reader.outcome_of(tree, mission) is not Outcome.APPLIED:
            continue
        try:
            files = read_mission(reader.repository.objects, at_target, mission)
        except InvalidFile:
            continue  # `factory check` tells of it
        if any(each.guard for each in files.assertions):
            yield mission, files


def due(
    reader: SnapshotReader, tree: str, target: str, mission: str, files: MissionFiles
) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of each item that is to be filed for a finished mission now: what to look at, what to put right."""
    content = reader.repository.content_at(target)
    filing, last = Filing(mission, files, {}), files.plan.milestones[-1]
    judged = dict(_history(reader, tree, mission))
    for kind, name in _NAMES.items():
        looks = _looks(reader, tree, mission, name)
        for item_id in looks:
            found = _found(reader, tree, mission, item_id, kind, files)
            judged |= found.judged
            yield from _repairs(reader, tree, filing, item_id, found)
        free = _next(mission, name, looks)
        by_check = kind is FiledAs.SCRUTINY
        watched = [each for each in files.assertions if each.guard and (each.check is not None) is by_check]
        stale = tuple(each for each in watched if _is_stale(reader, each, judged.get(each.id), content))
        ended = any(reader.outcome_of(tree, each) is Outcome.CANCELLED for each in looks)  # nobody wants it any more
        if stale and not ended and not _is_open(reader, tree, free):
            yield item_path(Lane.INBOX, free), filing.look(last, Validation(free, kind, stale))


@dataclass
class Guarded:
    """What became of a finished mission's guarded assertions since its end."""

    judged: dict[str, Judgement] = field(default_factory=dict)  # the last of each assertion
    filed: dict[str, Filed] = field(default_factory=dict)  # what looks again, and what is to put right what broke


def looked_again(reader: SnapshotReader, tree: str, mission: str, files: MissionFiles) -> Guarded:
    """What was found since a finished mission's end, and the items that were filed for it. Raises InvalidFile."""
    guarded, milestone = Guarded(), files.plan.milestones[-1].id
    for kind, name in _NAMES.items():
        looks = _looks(reader, tree, mission, name)
        for item_id in looks:
            found = _found(reader, tree, mission, item_id, kind, files)
            guarded.judged |= found.judged
            if not found.ended:
                continue  # somebody else's, that is called so
            guarded.filed[item_id] = Filed(kind=kind, milestone=milestone, blob="-", assertions=tuple(found.judged))
            for repair, issue_id, _ in _repairs_of(item_id, found):
                if _is_known(reader, tree, repair):
                    guarded.filed[repair] = Filed(
                        kind=FiledAs.FOLLOW_UP, milestone=milestone, blob="-", answers=(issue_id,)
                    )
        free = _next(mission, name, looks)
        if _is_open(reader, tree, free):
            guarded.filed[free] = Filed(kind=kind, milestone=milestone, blob="-")
    return guarded


def _looks(reader: SnapshotReader, tree: str, mission: str, name: str) -> list[str]:
    """The items of one kind that have looked again at a mission, the first one first."""
    return list(takewhile(partial(reader.outcome_of, tree), _chain(mission, name)))


def _repairs(
    reader: SnapshotReader, tree: str, filing: Filing, item_id: str, found: Findings
) -> Iterator[tuple[str, bytes]]:
    """An item for each assertion that a look found broken, unless there is one."""
    for repair, issue_id, issue in _repairs_of(item_id, found):
        if not _is_known(reader, tree, repair):
            yield item_path(Lane.INBOX, repair), filing.repair(FollowUp(repair, issue_id, issue))


def _repairs_of(item_id: str, found: Findings) -> Iterator[tuple[str, str, Issue]]:
    """(the item that puts it right, the issue's id, the issue) for each assertion that a look found broken."""
    for number, (issue_id, issue) in enumerate(found.issues.items(), 1):
        if issue.assertion:
            yield f"{item_id}.fix-{number}", issue_id, issue


def _history(reader: SnapshotReader, tree: str, mission: str) -> Iterator[tuple[str, Judgement]]:
    """What the mission itself found last."""
    day = reader.artifacts.done_day(tree, mission) or ""
    yield from reader.artifacts.history(tree, mission, day).mission.judged.items()


def _found(
    reader: SnapshotReader, tree: str, mission: str, item_id: str, kind: FiledAs, files: MissionFiles
) -> Findings:
    """What a look has found; nothing of what is no look as the factory files it."""
    day = reader.artifacts.done_day(tree, item_id) or ""
    history = reader.artifacts.history(tree, item_id, day)
    path = item_path(Lane.DONE, item_id, reader.queue.done_day(tree, item_id) or "")
    entry = reader.archive.find(tree, path)
    item = reader.queue.item(path, entry.oid) if entry else None
    known = {each.id: each for each in files.assertions if each.guard}
    asked = tuple(known[each.id] for each in (item.acceptance if item else ()) if each.id in known)
    found = Findings()
    made = Filing(mission, files, {}).look(files.plan.milestones[-1], Validation(item_id, kind, asked))
    if entry is None or entry.oid != name_of("blob", made):
        return found  # it is none of these looks, or somebody changed what it was to look at, and how
    keys = tuple(each.id for each in asked)
    filed = Filed(kind=kind, milestone=files.plan.milestones[-1].id, blob="-", assertions=keys)
    at = history.entries[-1].at
    found.ended[item_id] = history.outcome or Outcome.CANCELLED
    ended = EndedItem(reader, tree, at, item_id, filed, files)
    (ended.scrutinise if kind is FiledAs.SCRUTINY else ended.tested)(found)
    return found


def _is_stale(reader: SnapshotReader, assertion: Assertion, judgement: Judgement | None, content: str) -> bool:
    """Whether nobody has looked at an assertion since what it rests on has changed."""
    return judgement is None or judgement.rests_on != rests_on(reader, assertion, content)


def _is_known(reader: SnapshotReader, tree: str, item_id: str) -> bool:
    """Whether there is an item of an id, open or finished."""
    return reader.outcome_of(tree, item_id) is not None or _is_open(reader, tree, item_id)


def _is_open(reader: SnapshotReader, tree: str, item_id: str) -> bool:
    """Whether an item lies in one of the lanes."""
    places = (item_path(lane, item_id) for lane in Lane if lane is not Lane.DONE)
    return any(reader.repository.objects.find(tree, place) is not None for place in places)


def _next(mission: str, name: str, looks: Sequence[str]) -> str:
    """The id of the look that comes after those that are at their end."""
    return next(islice(_chain(mission, name), len(looks), None))


def _chain(mission: str, name: str) -> Iterator[str]:
    yield f"{mission}.{name}"
    yield from (f"{mission}.{name}-{number}" for number in count(2))
