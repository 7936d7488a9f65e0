"""Reconcile: make the journal agree with the folder, which is the state, and let go of what nobody holds any more."""

from factory.line.floor import Floor
from factory.line.ledger import Move
from factory.line.proposal import ensure
from factory.line.survey import Case, Survey
from factory.model.lifecycle import Event, Lane, Outcome, human_event
from factory.store.queue import Placed, lane_path
from factory.store.repository.objects import name_of
from factory.store.repository.refs import NOTHING, RefUpdate
from factory.store.repository.repository import Deleted, branch_of

_WITH_PROPOSAL = frozenset({Lane.REVIEW, Lane.REWORK, Lane.BLOCKED})


def honour_moves(floor: Floor, survey: Survey) -> None:
    """Record every move that a person made by hand."""
    for case in list(survey.cases.values()):
        expected = case.history.lane or Lane.INBOX
        if not case.unread and case.lane is not expected:
            with floor.sparing_others(case):
                _honour(floor, survey, case, expected)


def _honour(floor: Floor, survey: Survey, case: Case, expected: Lane) -> None:
    who = floor.repository.last_author(survey.head, case.placed.path) or floor.me
    event = human_event(expected, case.lane)
    details: dict[str, object] = {"reason": f"moved by {who}"}
    if event is Event.CANCEL:
        details["outcome"] = Outcome.CANCELLED
    # Wherever it lies by now, it came through the inbox, and whoever brought it there submitted it.
    arrival = floor.surveyor.arrivals(survey).get(lane_path(Lane.INBOX, case.id))
    move = Move(event, case.lane, details, actor=who)
    survey.cases[case.id] = floor.ledger.move(case, move, survey.snapshot.verdicts, arrival)
    if case.id in floor.crew.running:
        floor.crew.stop(case.id)


def bring_back_lost(floor: Floor, survey: Survey) -> None:
    """An item that is under way and whose file was deleted comes back in blocked: only a person ends an item."""
    for item_id, history in survey.lost.items():
        if history.lane is None or history.lane is Lane.DONE:
            continue
        day = floor.surveyor.queue.done_day(survey.tree, item_id)
        if day:
            _record_end(floor, survey, item_id, day)
            continue
        found = floor.repository.last_deleted(survey.head, f"queue/*/{item_id}.yaml")
        if found is not None:
            _bring_back(floor, survey, item_id, found)


def _bring_back(floor: Floor, survey: Survey, item_id: str, found: Deleted) -> None:
    path = lane_path(Lane.BLOCKED, item_id)
    reason = f"its file was deleted by {found.by}; factory cancel {item_id} ends it"
    floor.ledger.take_in(floor.me, {path: found.content}, f"factory: bring back {item_id}, which a commit deleted")
    history = survey.lost[item_id]
    if history.lane is not Lane.BLOCKED:
        case = Case(Placed(item_id, Lane.BLOCKED, path, name_of("blob", found.content)), None, history)
        floor.ledger.move(case, Move(Event.BLOCK, Lane.BLOCKED, {"reason": reason}), survey.snapshot.verdicts)


def _record_end(floor: Floor, survey: Survey, item_id: str, day: str) -> None:
    """A person put the item right among the finished ones of a day."""
    path = lane_path(Lane.DONE, item_id, day)
    entry = floor.repository.objects.find(survey.tree, path)
    assert entry is not None
    history = survey.lost[item_id]
    who = floor.repository.last_author(survey.head, path) or floor.me
    details: dict[str, object] = {"reason": f"moved by {who}", "outcome": Outcome.CANCELLED}
    case = Case(Placed(item_id, Lane.DONE, path, entry.oid), None, history)
    floor.ledger.move(case, Move(Event.CANCEL, Lane.DONE, details, actor=who), survey.snapshot.verdicts)
    if item_id in floor.crew.running:
        floor.crew.stop(item_id)


def release_dead(floor: Floor, survey: Survey) -> None:
    """Take back every active item that no run in this process works on, unless another clone's lease still holds."""
    for case in survey.in_lane(Lane.ACTIVE):
        if case.unread:
            continue
        running = floor.crew.running.get(case.id)
        if running is not None:
            if case.history.lease and case.history.lease.item != case.placed.blob:
                floor.crew.stop(case.id)
            continue
        lease = case.history.lease
        if lease and lease.owner != floor.owner and lease.expires_at > survey.now:
            continue
        reason = "nobody works on it: the orchestrator that held the lease is gone" if lease else "nobody works on it"
        with floor.sparing_others(case):
            floor.ledger.move(case, Move(Event.RELEASE, case.came_from, {"reason": reason}))


def show_proposals(floor: Floor, survey: Survey) -> None:
    """Put the proposals of open items on their branches where these are missing, as in a clone of the branch alone."""
    for case in survey.cases.values():
        proposal, branch = case.history.proposal, branch_of(case.id)
        if proposal and case.lane in _WITH_PROPOSAL and floor.repository.head(branch) is None:
            with floor.sparing_others(case):
                ensure(floor.surveyor, survey, case, proposal)
                floor.ledger.also(RefUpdate(branch, NOTHING, proposal))
