"""The table of moves: everything that is allowed, and everything that is not."""

from itertools import product

import pytest

from factory.model.errors import IllegalMove
from factory.model.lifecycle import RULES, Event, Lane, check_move, human_event

OPEN: set[Lane] = {Lane.INBOX, Lane.ACTIVE, Lane.REVIEW, Lane.REWORK, Lane.BLOCKED}
UNBLOCKS: set[tuple[Lane | None, Lane]] = {(Lane.BLOCKED, Lane.INBOX), (Lane.BLOCKED, Lane.REWORK)}

# The design's table, written down once more by hand.
LEGAL: dict[Event, set[tuple[Lane | None, Lane]]] = {
    Event.SUBMIT: {(None, Lane.INBOX)},
    Event.START: {(Lane.INBOX, Lane.ACTIVE), (Lane.REWORK, Lane.ACTIVE)},
    Event.RELEASE: {(Lane.ACTIVE, Lane.INBOX), (Lane.ACTIVE, Lane.REWORK)},
    Event.DELIVER: {(Lane.ACTIVE, Lane.REVIEW)},
    Event.BLOCK: {(lane, Lane.BLOCKED) for lane in (Lane.ACTIVE, Lane.REVIEW, Lane.INBOX, Lane.REWORK)},
    Event.REWORK: {(Lane.REVIEW, Lane.REWORK), (Lane.ACTIVE, Lane.REWORK)},
    Event.FINISH: {(Lane.REVIEW, Lane.DONE)},
    Event.REJECT: {(Lane.REVIEW, Lane.DONE)},
    Event.CANCEL: {(lane, Lane.DONE) for lane in sorted(OPEN)},
    Event.UNBLOCK: UNBLOCKS,
    # by hand: from anywhere to any open lane, except what has a name of its own
    Event.MOVED: {(lane, to) for lane in [*Lane] for to in OPEN if lane is not to and (lane, to) not in UNBLOCKS},
    # of missions: their plan is merged, they go on, wait for a person, go on again, and are at their end
    Event.OPEN: {(Lane.REVIEW, Lane.ACTIVE)},
    Event.ADVANCE: {(Lane.ACTIVE, Lane.ACTIVE)},
    Event.PAUSE: {(Lane.ACTIVE, Lane.BLOCKED)},
    Event.RESUME: {(Lane.BLOCKED, Lane.ACTIVE)},
    Event.CLOSE: {(Lane.ACTIVE, Lane.DONE)},
}

TRIPLES = list(product(Event, [None, *Lane], Lane))


def test_the_table_knows_every_event() -> None:
    assert set(RULES) == set(Event) == set(LEGAL)


@pytest.mark.parametrize(("event", "source", "target"), TRIPLES)
def test_exactly_the_moves_of_the_table_are_legal(event: Event, source: Lane | None, target: Lane) -> None:
    if (source, target) in LEGAL[event]:
        check_move(event, source, target)
    else:
        with pytest.raises(IllegalMove) as raised:
            check_move(event, source, target)
        assert str(target) in raised.value.message


def test_whatever_a_person_moves_by_hand_has_exactly_one_event_and_it_is_legal() -> None:
    for source, target in product(Lane, Lane):
        if source is target or (source is Lane.DONE and target is Lane.DONE):
            continue
        check_move(human_event(source, target), source, target)


def test_a_mission_under_way_is_paused_and_resumed_by_moving_it_to_blocked_and_back() -> None:
    assert human_event(Lane.ACTIVE, Lane.BLOCKED, under_way=True) is Event.PAUSE
    assert human_event(Lane.BLOCKED, Lane.ACTIVE, under_way=True) is Event.RESUME
    assert human_event(Lane.ACTIVE, Lane.BLOCKED) is Event.MOVED
    assert human_event(Lane.ACTIVE, Lane.DONE, under_way=True) is Event.CANCEL
    assert human_event(Lane.BLOCKED, Lane.INBOX, under_way=True) is Event.UNBLOCK  # it is planned anew


def test_a_person_ends_an_item_by_moving_it_to_done_and_arms_it_by_moving_it_out_of_blocked() -> None:
    assert human_event(Lane.REVIEW, Lane.DONE) is Event.CANCEL
    assert human_event(Lane.BLOCKED, Lane.INBOX) is Event.UNBLOCK
    assert human_event(Lane.BLOCKED, Lane.REWORK) is Event.UNBLOCK
    assert human_event(Lane.BLOCKED, Lane.REVIEW) is Event.MOVED
    assert human_event(Lane.DONE, Lane.INBOX) is Event.MOVED
