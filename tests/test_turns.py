"""Turns of clones that all push to one remote at once."""

from factory.line.sync.turns import Turns
from factory.store.system import System


class Clock(System):
    """A clock that only sleeping moves on, and the worst luck: every pause is as long as it may be."""

    def __init__(self) -> None:
        self.at = 1000.0

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    def chance(self) -> float:
        return 1.0

    def slept(self, since: float) -> float:
        return round(self.at - since, 3)


def pushes(turns: Turns, clock: Clock, seconds: float, each: float) -> float:
    """Push one thing after the other for so long, each pass as long as given; how long it rested in between."""
    rested, until = 0.0, clock.at + seconds
    while clock.at < until:
        before = clock.at
        turns.rest()
        rested += clock.at - before
        clock.at += each
        turns.accepted()
    return rested


def test_a_clone_that_is_alone_never_rests() -> None:
    clock = Clock()
    assert pushes(Turns(clock), clock, 60, 0.1) == 0


def test_a_clone_that_sees_others_pushes_for_two_seconds_and_rests_for_one() -> None:
    clock = Clock()
    turns = Turns(clock)
    turns.others()
    assert 9 <= pushes(turns, clock, 30, 0.1) <= 11


def test_passes_with_time_in_between_are_no_turn() -> None:
    clock = Clock()
    turns = Turns(clock)
    turns.others()
    for _ in range(30):
        before = clock.at
        turns.rest()
        assert clock.slept(before) == 0
        turns.accepted()
        clock.at += 0.5


def test_others_that_were_not_seen_for_a_minute_are_waited_for_no_more() -> None:
    clock = Clock()
    turns = Turns(clock)
    turns.others()
    clock.at += 61
    assert pushes(turns, clock, 30, 0.1) == 0


def test_who_is_refused_waits_longer_and_longer_and_then_less_the_longer_it_has_waited() -> None:
    clock = Clock()
    turns = Turns(clock)
    pauses: list[float] = []
    while True:
        before = clock.at
        if not turns.refused():
            break
        pauses.append(clock.slept(before))
    assert pauses[:4] == [0.05, 0.1, 0.2, 0.4]
    assert max(pauses) < 3
    assert pauses.index(max(pauses)) < 10
    assert pauses[-1] < 0.3
    # and it is given up after two minutes
    assert 120 <= sum(pauses) < 121


def test_a_push_that_was_accepted_ends_the_waiting() -> None:
    clock = Clock()
    turns = Turns(clock)
    for _ in range(8):
        turns.refused()
    turns.accepted()
    before = clock.at
    assert turns.refused()
    assert clock.slept(before) == 0.05
