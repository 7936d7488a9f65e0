"""Advance: every mission under way takes the steps that follow by themselves. Code does; roles and prompts think."""

from collections.abc import Iterator
from functools import partial

from factory.line.context import Context
from factory.line.mission.findings import findings_of
from factory.line.mission.guards import guard
from factory.line.mission.moves import Carried, following, told
from factory.line.mission.standing import not_begun, standing_of
from factory.line.snapshot import ItemState, Snapshot
from factory.line.writer import Move
from factory.model.events import Cancelled
from factory.model.lifecycle import Lane, Outcome
from factory.model.mission.events import Advanced
from factory.model.mission.standing import Standing
from factory.store.mission_parts import account_of
from factory.store.missions import MissionFiles, read_mission

_UNFINISHED = frozenset({Outcome.CANCELLED, Outcome.REJECTED})
_MOST_STEPS = 10  # of one mission in one pass: none goes round


def advance(context: Context, snapshot: Snapshot) -> Snapshot:
    """Let every mission under way go on, and end what is left of those that were cancelled."""
    for state in snapshot.in_lane(Lane.ACTIVE):
        files = snapshot.missions.get(state.id)
        above = snapshot.items.get((state.item.mission if state.item else None) or "")
        if files is not None and state.recorded and (above is None or above.lane is Lane.ACTIVE):
            with context.isolating(state):
                snapshot = snapshot.after(_go_on(context, snapshot, state, files))
    snapshot = _end_orphans(context, snapshot)
    guard(context, snapshot)
    context.writer.publish()
    return snapshot


def _go_on(context: Context, snapshot: Snapshot, state: ItemState, files: MissionFiles) -> ItemState:
    """Take one step after the other, up to where others have to act."""
    policy = snapshot.policy
    elsewhere = context.writer.tip_of(policy.target_branch) if policy.target_branch != policy.branch else None
    if elsewhere:  # where this pass may have merged what the snapshot does not show yet
        tree = context.repository.objects.commit(elsewhere).tree
        if context.reader.missions.problems(tree, state.id, policy, state.item):
            return state  # the next pass says so
        files = read_mission(context.repository.objects, tree, state.id)
    for _ in range(_MOST_STEPS):
        found = findings_of(context.reader, snapshot.tree, snapshot.now, files, state.history.mission)
        if found.ended:
            state = context.writer.move(state, Move(told(found, elsewhere)))
            continue
        target = elsewhere or context.writer.head
        standing = standing_of(context.reader, snapshot.tree, state.id, files, state.history, target)
        waiting = frozenset(not_begun(context.reader, snapshot.tree, state.history.mission))
        title = state.item.title if state.item else ""
        account = partial(account_of, context.reader.artifacts, snapshot.tree, title, state.history)
        taken = following(
            Carried(state.id, state.item, state.history.run, account, elsewhere), files, standing, waiting
        )
        if taken is None:
            return state
        state = context.writer.move(state, taken)
        if not isinstance(taken.payload, Advanced):
            return state
    return state


def _end_orphans(context: Context, snapshot: Snapshot) -> Snapshot:
    """Cancel the open items of missions that a person ended, and the features that a plan has dropped meanwhile."""
    orphans = {state.id: f"its mission {mission} was ended" for state, mission in _of_ended(context, snapshot)}
    for mission, files in snapshot.missions.items():
        history = snapshot.items[mission].history
        standing = Standing(mission, files.plan, files.assertions, history.mission)
        waiting = not_begun(context.reader, snapshot.tree, history.mission)
        orphans |= dict.fromkeys(standing.dropped(waiting), f"the plan of {mission} has it no more")
    ended: list[ItemState] = []
    for state in [snapshot.items[each] for each in orphans if snapshot.items[each].recorded]:
        if state.id in context.runs.running:
            context.writer.once_published(partial(context.runs.stop, state.id))
            continue
        with context.isolating(state):
            cancelled = Cancelled(reason=orphans[state.id])
            ended.append(context.writer.move(state, Move(cancelled), snapshot.listing.opened))
    return snapshot.after(*ended)


def _of_ended(context: Context, snapshot: Snapshot) -> Iterator[tuple[ItemState, str]]:
    """The open items of missions that a person has ended."""
    for state in snapshot.items.values():
        mission = state.item.mission if state.item else None
        gone = mission is not None and mission not in snapshot.items
        if mission and gone and context.reader.outcome_of(snapshot.tree, mission) in _UNFINISHED:
            yield state, mission
