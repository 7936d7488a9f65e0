"""Run requests: all that the worker, or the checks, of one item are told."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from factory.execution.request import RunRequest
from factory.line.dispatch.budget import remaining
from factory.line.mission.brief import brief_of, feature_of, patches_of
from factory.line.mission.standing import steering_of
from factory.line.review.proposals import Unreadable, base_of, is_of_this_task, restore_proposal, run_of
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.globs import covers, matches
from factory.model.layout import run_file
from factory.model.lifecycle import Lane
from factory.model.mission.bounds import Steering
from factory.model.mission.plan import Services
from factory.model.rounds import is_judged_anew, to_put_right
from factory.model.run_layout import PATCH
from factory.store.missions import read_services
from factory.store.repository.git import GitError
from factory.store.repository.trees import diff
from factory.store.skills import read_skill


def request_for(
    reader: SnapshotReader, snapshot: Snapshot, state: ItemState, base: str, start: str, prompt: str = ""
) -> RunRequest:
    """The request for checks of an item's present run, from a start commit; made by whoever made that."""
    assert state.contract is not None and state.contract_name is not None and state.item is not None
    history = state.history
    return RunRequest(
        item_id=state.id,
        item=state.item,
        contract_name=state.contract_name,
        contract=state.contract,
        policy=snapshot.policy,
        prompt=prompt,
        run=history.run,
        round=history.round,
        base=base,
        start=start,
        findings=to_put_right(history),
        earlier=tuple(history.table.rows()),
        answered=history.answered,
        lane=Lane.REWORK if state.lane is Lane.REWORK else Lane.INBOX,
        created_at=history.entries[0].at if history.entries else None,
        updated_at=history.since,
        blocked_by=tuple((each, _lane_or_done(snapshot, each)) for each in state.item.depends_on),
        budget_left=remaining(snapshot, state),
        steering=_steering(reader, snapshot, state),
        checked_again=history.to_be_checked_again or is_judged_anew(history),
        agent=history.worker if not state.contract.worker.run and history.worker in snapshot.policy.agents else "",
    )


def _steering(reader: SnapshotReader, snapshot: Snapshot, state: ItemState) -> Steering | None:
    """What of a plan an item may not change that steers a mission; None for all others."""
    mission = snapshot.items.get(state.item.mission or "") if state.item and state.item.steers else None
    if mission is None or not mission.history.mission.steers(state.id):
        return None
    return steering_of(reader, snapshot.tree, mission.id, mission.history.mission)


def next_request(
    reader: SnapshotReader, snapshot: Snapshot, state: ItemState, base: str, begin: tuple[str, int], agent: str
) -> RunRequest:
    """The request for an item's next run by an agent, with all that it and the seats are told.

    `begin`: the commit that it begins with, and the run whose work that holds; 0 where it is the target's.
    """
    assert state.contract is not None
    library, history = reader.library, state.history
    prompt = library.prompt(snapshot.tree, state.contract, snapshot.workflow)
    request = request_for(reader, snapshot, state, base, begin[0], prompt)
    asked = {seat.name: seat.prompt for seat in state.contract.review.seats if seat.prompt is not None}
    mission = (state.item.mission if state.item else None) or ""
    feature = feature_of(snapshot.missions.get(mission), mission, state.id)
    wanted = (*state.contract.worker.skills, *(feature.skills if feature else ()))
    request = replace(
        request,
        run=history.run + 1,
        goes_on_from=begin[1],
        mission=brief_of(reader, snapshot, state),
        patches=patches_of(reader, snapshot, state),
        agent=agent,
        contract_source=library.contract_bytes(snapshot.tree, request.contract_name) or b"",
        prompts={name: library.prompt_file(snapshot.tree, path) for name, path in asked.items()},
        services=_services(reader, request),
        skills=tuple(read_skill(reader.repository.objects, snapshot.tree, name) for name in dict.fromkeys(wanted)),
    )
    if history.worker != request.worker:
        return request
    told = history.worked_on == state.placed.blob and not is_judged_anew(history)
    return replace(request, session=history.session, told=told, before=history.ended_with)


def _services(reader: SnapshotReader, request: RunRequest) -> Services | None:
    """What a tester tries: the services of its mission, as its base has them. Raises InvalidFile."""
    if not request.tests or request.item.mission is None:
        return None
    objects = reader.repository.objects
    return read_services(objects, objects.commit(request.base).tree, request.item.mission)


@dataclass(frozen=True)
class Beginning:
    """What an item's next run begins with."""

    content: str  # the tree
    of_run: int = 0  # the run that left it, before it was brought up to date; 0: it is the target's
    astray: str = ""  # why it is not what was left, where it should be


def beginning_of(reader: SnapshotReader, snapshot: Snapshot, state: ItemState, base: str) -> Beginning:
    """What an item's next run begins with on a commit of the target."""
    assert state.contract is not None
    content, run = reader.repository.content_at(base), state.history.run
    unfinished = _unfinished(reader, snapshot, state)
    if not unfinished:
        return _proposed_on(reader, snapshot, state, base, content)
    try:
        left = reader.repository.patched(content, unfinished)
    except GitError as error:
        return Beginning(content, astray=f"the patch of run {run} does not fit any more: {error.said}")
    changed = (change.path for change in diff(reader.repository.objects, content, left))
    frozen = next((path for path in changed if covers(path, state.contract.worker.frozen)), "")
    if frozen:  # the worker could not take it back
        return Beginning(content, astray=f"{frozen}, which run {run} changed, is frozen")
    return Beginning(left, run)


def _unfinished(reader: SnapshotReader, snapshot: Snapshot, state: ItemState) -> bytes:
    """The patch of a last run that came to nothing, if its contract says to go on from it; else empty."""
    assert state.contract is not None
    history = state.history
    same = history.worked_on == state.placed.blob
    if not state.contract.rework.keep_failed or not history.came_to_nothing or not same:
        return b""
    return reader.repository.objects.file(snapshot.tree, run_file(state.id, history.run, PATCH)) or b""


def _proposed_on(reader: SnapshotReader, snapshot: Snapshot, state: ItemState, base: str, content: str) -> Beginning:
    """What an item's last proposal makes of a base, where that is to be gone on from and merges; else the content."""
    assert state.contract is not None
    repository, history = reader.repository, state.history
    anew = is_judged_anew(history)
    if not history.proposal or state.lane is not Lane.REWORK or not state.contract.rework.keep_branch:
        return Beginning(content)
    if anew and not is_of_this_task(reader, state):
        return Beginning(content)
    # A proposal that no longer merges is made anew; its patch is in the findings' run for the worker to read.
    try:
        restore_proposal(reader, snapshot, state, history.proposal)
        made_on = base_of(repository, history.proposal)
    except Unreadable as error:
        return Beginning(content, astray=error.message)
    merge = repository.merged_content(made_on, history.proposal, base)
    run = run_of(state, history.proposal)
    if merge.conflicts or run is None:
        return Beginning(content)
    request = request_for(reader, snapshot, state, base, base)
    beyond = _not_to_be_changed(request, repository.changed(made_on, history.proposal)) if anew else ""
    if beyond:  # the worker could not take it back, if it is frozen
        return Beginning(content, astray=f"{beyond}, which run {run} changed, may not be changed any more")
    return Beginning(merge.tree, run)


def _not_to_be_changed(request: RunRequest, paths: Iterable[str]) -> str:
    """The first of these paths that a request's worker may not change; empty where it may change all."""
    frozen = request.contract.worker.frozen
    return next((path for path in paths if covers(path, frozen) or not matches(path, request.may_change)), "")


def _lane_or_done(snapshot: Snapshot, item_id: str) -> str:
    """The lane of an item; `done` for one that is not open: nothing starts before all that it waits for is finished."""
    return str(snapshot.items[item_id].lane) if item_id in snapshot.items else "done"
