"""Shares: slots are given in proportion to weights, and nobody starves, waits beside a free slot, or has too many."""

import heapq
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.model.shares import Shares

WEIGHTS = st.sampled_from([0.5, 1.0, 2.0, 3.0, 5.0])


class Pool:
    """A pool whose members have work of a given length without end, or so much of it; time passes here alone."""

    def __init__(self, slots: int, members: dict[str, tuple[float, int]], seconds: dict[str, float]) -> None:
        self.shares = Shares(slots)
        self.members, self.seconds = members, seconds
        self.now = 0.0
        self.work: dict[str, int] = {}
        self.ends: list[tuple[float, int, str]] = []
        self.running = Counter[str]()
        self.used: dict[str, float] = {}  # slot seconds
        self.starts: list[str] = []
        for name, (weight, most) in members.items():
            self.shares.admit(name, weight, most)

    def lend(self) -> None:
        for name in self.members:
            self.shares.report(name, self.running[name], self.work.get(name, 0), self.now)
        for name, many in self.shares.lend(self.now).items():
            self.work[name] -= many
            self.running[name] += many
            self.starts += [name] * many
            for _ in range(many):
                heapq.heappush(self.ends, (self.now + self.seconds[name], len(self.starts), name))
        assert self.running.total() <= self.shares.slots
        for name, (_, most) in self.members.items():
            assert self.running[name] <= most
            idle = self.running.total() < self.shares.slots and self.running[name] < most
            assert not (idle and self.work.get(name, 0)), f"{name} waits beside a free slot"

    def go_on(self, until: float) -> None:
        self.lend()
        while self.ends and self.ends[0][0] <= until:
            self.now = self.ends[0][0]
            while self.ends and self.ends[0][0] == self.now:
                _, _, name = heapq.heappop(self.ends)
                self.running[name] -= 1
                self.used[name] = self.used.get(name, 0.0) + self.seconds[name]
            self.lend()
        self.now = until


@given(
    slots=st.integers(1, 9),
    members=st.dictionaries(
        st.sampled_from("abcdefgh"),
        st.tuples(WEIGHTS, st.integers(1, 9), st.integers(0, 40), st.sampled_from([0.5, 1.0, 7.0])),
        min_size=1,
    ),
)
def test_no_slot_is_idle_while_somebody_may_have_it_and_all_work_ends(
    slots: int, members: dict[str, tuple[float, int, int, float]]
) -> None:
    pool = Pool(
        slots,
        {name: (weight, most) for name, (weight, most, _, _) in members.items()},
        {name: seconds for name, (_, _, _, seconds) in members.items()},
    )
    pool.work = {name: work for name, (_, _, work, _) in members.items()}
    pool.go_on(1e6)
    assert Counter(pool.starts) == Counter({name: work for name, (_, _, work, _) in members.items() if work})


@given(
    slots=st.integers(1, 8),
    weights=st.lists(WEIGHTS, min_size=2, max_size=8),
    lengths=st.lists(st.sampled_from([1.0, 1.0, 2.0, 5.0]), min_size=8, max_size=8),
)
def test_slot_time_is_in_proportion_to_weights_when_all_have_work(
    slots: int, weights: list[float], lengths: list[float]
) -> None:
    names = [f"m{number}" for number in range(len(weights))]
    pool = Pool(
        slots,
        {name: (weight, slots) for name, weight in zip(names, weights, strict=True)},
        dict(zip(names, lengths, strict=False)),
    )
    pool.work = dict.fromkeys(names, 1_000_000)
    pool.go_on(600.0)
    for name, weight in zip(names, weights, strict=True):
        fair = min(1.0, weight / sum(weights)) * slots * 600
        assert pool.used.get(name, 0.0) == pytest.approx(fair, rel=0.05, abs=slots * 5 * 4)


@given(slots=st.integers(1, 4), heavy=st.integers(1, 50))
def test_the_lightest_has_its_turn_beside_any_flood(slots: int, heavy: int) -> None:
    members = {"light": (1.0, slots), **{f"heavy-{number}": (5.0, slots) for number in range(heavy)}}
    pool = Pool(slots, members, dict.fromkeys(members, 1.0))
    pool.work = {**dict.fromkeys(members, 1_000_000), "light": 1}
    pool.go_on(3.0 * (5 * heavy + 1))
    assert "light" in pool.starts


def test_who_comes_late_takes_its_share_at_once_and_no_more() -> None:
    pool = Pool(8, {"early": (1, 8), "late": (1, 8)}, {"early": 1.0, "late": 1.0})
    pool.work = {"early": 1_000_000}
    pool.go_on(1000.0)
    pool.work["late"] = 1_000_000
    before = pool.used.copy()
    pool.go_on(1020.0)
    later = {name: used - before.get(name, 0.0) for name, used in pool.used.items()}
    assert abs(later["early"] - later["late"]) <= 16, later


def test_who_was_held_back_by_its_own_limit_does_not_make_up_for_it() -> None:
    pool = Pool(8, {"capped": (1, 1), "other": (1, 8)}, {"capped": 1.0, "other": 1.0})
    pool.work = {"capped": 1_000_000, "other": 1_000_000}
    pool.go_on(1000.0)
    assert pool.used["other"] == pytest.approx(7000, rel=0.01)
    pool.shares.admit("capped", 1, 8)
    pool.members["capped"] = (1, 8)
    before = pool.used.copy()
    pool.go_on(1020.0)
    later = {name: used - before.get(name, 0.0) for name, used in pool.used.items()}
    assert abs(later["capped"] - later["other"]) <= 24, later


def test_who_wanted_little_for_long_does_not_make_up_for_it() -> None:
    pool = Pool(8, {"modest": (1, 8), "other": (1, 8)}, {"modest": 1.0, "other": 1.0})
    pool.work["other"] = 1_000_000
    for second in range(1000):
        pool.work["modest"] = 1
        pool.go_on(second + 1.0)
    pool.work["modest"] = 1_000_000
    before = pool.used.copy()
    pool.go_on(1020.0)
    later = {name: used - before.get(name, 0.0) for name, used in pool.used.items()}
    assert abs(later["modest"] - later["other"]) <= 16, later


def test_who_does_not_use_what_it_got_gives_it_back_and_pays_nothing() -> None:
    shares = Shares(2)
    shares.admit("idle", 1, 2)
    shares.admit("busy", 1, 2)
    shares.report("idle", 0, 1, 0.0)
    assert shares.lend(0.0) == {"idle": 1}
    shares.report("idle", 0, 0, 0.0)
    shares.report("busy", 0, 2, 0.0)
    assert shares.lend(0.0) == {"busy": 2}
    assert (shares.held("idle"), shares.held("busy")) == (0, 2)


def test_a_pool_that_shrinks_gives_nothing_until_it_has_to_give() -> None:
    shares = Shares(4)
    shares.admit("one", 1, 4)
    shares.report("one", 0, 9, 0.0)
    assert shares.lend(0.0) == {"one": 4}
    shares.slots = 2
    shares.report("one", 2, 9, 1.0)
    assert shares.lend(1.0) == {}
    shares.report("one", 1, 9, 2.0)
    assert shares.lend(2.0) == {"one": 1}


def test_who_is_dismissed_leaves_its_slots_to_the_others() -> None:
    shares = Shares(1)
    for name in ("one", "two"):
        shares.admit(name, 1, 1)
        shares.report(name, 0, 1, 0.0)
    [first] = shares.lend(0.0)
    assert shares.lend(1.0) == {}
    shares.dismiss(first)
    assert shares.lend(2.0) == {({"one", "two"} - {first}).pop(): 1}
