"""Dependencies: who waits for whom, and what is said when they wait in a circle."""

import itertools
import random

import pytest

from factory.model.dependencies import circles, in_a_circle
from tests.world import World


def test_an_item_that_depends_on_itself_is_a_circle_of_one() -> None:
    assert circles({"a": ["a"], "b": ["a"], "c": []}) == {"a": ("a", "a")}


def test_each_item_of_a_circle_is_shown_its_own_way_round_and_nobody_else_is() -> None:
    assert circles({"a": ["b"], "b": ["c", "x"], "c": ["a"], "d": ["a"], "x": []}) == {
        "a": ("a", "b", "c", "a"),
        "b": ("b", "c", "a", "b"),
        "c": ("c", "a", "b", "c"),
    }


def test_what_is_not_there_or_waits_for_nobody_makes_no_circle() -> None:
    assert circles({"a": ["gone"], "b": ["a"], "c": ["b", "a"]}) == {}


@pytest.mark.parametrize("seed", range(5))
def test_there_is_a_circle_exactly_when_something_can_never_start(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(100):
        names = "abcdefg"
        needs = {name: chance.sample(names, chance.randint(0, 2)) for name in names}
        done: set[str] = set()
        while new := {name for name in names if name not in done and done.issuperset(needs[name])}:
            done |= new
        found = circles(needs)
        assert bool(found) is (len(done) < len(names))
        for item_id, way in found.items():
            assert way[0] == way[-1] == item_id
            assert all(
                after in needs[before] for before, after in itertools.pairwise(way) if "…" not in (before, after)
            )


def test_a_long_circle_is_told_shortly() -> None:
    names = "abcdefghij"
    ways = circles({each: [after] for each, after in zip(names, names[1:] + "a", strict=True)})
    assert in_a_circle(ways["a"]) == "a depends on itself, and can never start: a -> b -> c -> d -> … -> j -> a"
    assert ways["j"] == ("j", "a", "b", "c", "…", "i", "j")


def test_a_hundred_thousand_items_in_a_row_take_no_recursion() -> None:
    row = {str(number): [str(number + 1)] for number in range(100_000)}
    assert circles(row) == {}
    assert len(circles({**row, "100000": ["0"]})) == 100_001


@pytest.mark.parametrize("committed", [False, True], ids=["saved", "committed"])
def test_a_circle_is_named_by_all_who_look_and_stops_nobody(world: World, committed: bool) -> None:
    world.item("alone", text="depends_on: [alone]\n")
    world.item("one", text="labels: [a]\ndepends_on: [good, two]\n")
    world.item("two", text="depends_on: [one]\n")
    world.item("good")
    if committed:
        world.commit()
    checked = world.command("check", status=1)
    assert "queue/inbox/alone.yaml:4:14: alone depends on itself, and can never start" in checked
    assert "queue/inbox/one.yaml:5:20: one depends on itself, and can never start: one -> two -> one" in checked
    assert "queue/inbox/two.yaml:4:14: two depends on itself" in checked
    world.command("tick", "--drain")
    assert world.lane("good") == "done"
    status = " ".join(world.command("status").split())
    assert "one -> two -> one" in status
    assert "alone depends on itself, and can never start; edit depends_on" in status
