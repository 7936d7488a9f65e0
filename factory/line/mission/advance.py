"""Advance: every mission under way takes the steps that follow by themselves. Code does; roles and prompts think."""

from collections.abc import Mapping
from functools import partial

from pydantic import JsonValue

from factory.line.context import Context
from factory.line.intake.answers_file import answers_file
from factory.line.mission.filing import Filing
from factory.line.mission.findings import Findings, findings_of
from factory.line.mission.standing import standing_of
from factory.line.snapshot import ItemState, Snapshot
from factory.line.writer import Move
from factory.model.events import Cancelled
from factory.model.layout import answers_path, item_path
from factory.model.lifecycle import Lane, Outcome
from factory.model.mission.events import Advanced, Closed, Paused
from factory.model.mission.plan import Milestone
from factory.model.mission.record import Filed
from factory.model.mission.standing import Standing, feature_item
from factory.model.mission.steps import Answer, Ask, Close, FileFeatures, FileValidators, Wait
from factory.model.text import counted
from factory.store.missions import MissionFiles

_UNFINISHED = frozenset({Outcome.CANCELLED, Outcome.REJECTED})
_MOST_STEPS = 10  # of one mission in one pass: none goes round


def advance(context: Context, snapshot: Snapshot) -> Snapshot:
    """Let every mission under way go on, and end what is left of those that were cancelled."""
    for state in snapshot.in_lane(Lane.ACTIVE):
        files = snapshot.missions.get(state.id)
        if files is not None and state.recorded:
            with context.isolating(state):
                snapshot = snapshot.after(_go_on(context, snapshot, state, files))
    snapshot = _end_orphans(context, snapshot)
    context.writer.publish()
    return snapshot


def _go_on(context: Context, snapshot: Snapshot, state: ItemState, files: MissionFiles) -> ItemState:
    """Take one step after the other, up to where others have to act."""
    for _ in range(_MOST_STEPS):
        found = findings_of(context.reader, snapshot, files, state.history)
        if found.ended:
            state = context.writer.move(state, Move(_told(found)))
        target = context.writer.tip_of(snapshot.policy.target_branch)
        standing = standing_of(context.reader, state.id, files, state.history, target)
        taken = _take(state, files, standing)
        if taken is None:
            return state
        state = context.writer.move(state, taken)
        if not isinstance(taken.payload, Advanced):
            return state
    return state


def _told(found: Findings) -> Advanced:
    """What became of items that are at their end."""
    names = ", ".join(sorted(found.ended))
    return Advanced(
        reason=f"ended: {names}" + (f"; {counted(len(found.issues), 'issue')}" if found.issues else ""),
        ended=found.ended,
        reviewed=tuple(found.reviewed),
        judged=found.judged,
        issues=found.issues,
    )


def _take(state: ItemState, files: MissionFiles, standing: Standing) -> Move | None:
    """The step that follows, with all that it needs; None when others are at work."""
    filing = Filing(state.id, files, _shared(state))
    match standing.step():
        case Wait():
            return None
        case Close():
            return Move(Closed(reason=f"all {counted(len(files.assertions), 'assertion')} passed"))
        case Ask(reason, questions):
            opened = answers_file(state.id, state.item.title if state.item else "", state.history.run, questions)
            paused = Paused(reason=reason, questions=questions)
            return Move(paused, queue_files={answers_path(state.id): opened})
        case FileFeatures(milestone, features):
            made = {feature_item(state.id, each.id): filing.feature(milestone, each) for each in features}
            return _filed(milestone, made)
        case FileValidators(milestone, validations):
            made = {each.item_id: filing.validator(milestone, each) for each in validations}
            return _filed(milestone, made)
        case Answer(milestone, dismissed, follow_ups):
            made = {each.item_id: filing.follow_up(milestone, each) for each in follow_ups}
            return _filed(milestone, made, dismissed)


def _filed(
    milestone: Milestone,
    made: Mapping[str, tuple[bytes, Filed]],
    dismissed: Mapping[str, str] | None = None,
) -> Move:
    """The move with which items come into the inbox, and the mission's journal knows them."""
    files = {item_path(Lane.INBOX, item_id): data for item_id, (data, _) in made.items()}
    advanced = Advanced(
        reason=f"{milestone.id}: filed {', '.join(made)}"
        if made
        else f"{milestone.id}: {len(dismissed or {})} dismissed",
        filed={item_id: filed for item_id, (_, filed) in made.items()},
        dismissed=dismissed or {},
    )
    return Move(advanced, queue_files=files)


def _shared(state: ItemState) -> dict[str, JsonValue]:
    """What a mission's items take over from its own."""
    item = state.item
    return {"priority": item.priority, "labels": list(item.labels)} if item else {}


def _end_orphans(context: Context, snapshot: Snapshot) -> Snapshot:
    """Cancel the open items of missions that a person ended; one that is at work is stopped first."""
    ended: list[ItemState] = []
    for state in snapshot.items.values():
        mission = state.item.mission if state.item else None
        if not mission or mission in snapshot.items or not state.recorded:
            continue
        if context.reader.outcome_of(snapshot.tree, mission) not in _UNFINISHED:
            continue
        if state.id in context.runs.running:
            context.writer.once_published(partial(context.runs.stop, state.id))
            continue
        with context.isolating(state):
            cancelled = Cancelled(reason=f"its mission {mission} was ended")
            ended.append(context.writer.move(state, Move(cancelled), snapshot.listing.opened))
    return snapshot.after(*ended)
