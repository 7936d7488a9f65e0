"""A person puts an item among the finished ones of a day before the factory has touched it."""

import pytest

from tests.world import World

DAY = "queue/done/2026-01-01"


@pytest.mark.parametrize("commit", [True, False])
@pytest.mark.parametrize("hold", ["", "hold: true\n"])
def test_an_untouched_item_that_a_person_moves_under_a_day_is_cancelled(world: World, commit: bool, hold: str) -> None:
    # given an item that nothing has happened to
    world.item("one", text=hold)
    world.commit("An item")
    # when a person moves its file under a day
    world.move("one", DAY, commit=commit)
    report = world.tick()
    # then it is recorded as theirs, once, and the history is whole
    assert report.problems == ()
    assert world.events("one") == ["submit", "cancel"]
    last = world.last("one")
    assert (world.lane("one"), last.outcome) == ("done", "cancelled")
    assert "Ann" in last.actor
    assert world.tick().commits == 0
    assert world.status() == ""
    world.command("audit")


def test_a_file_that_was_never_in_the_inbox_is_recorded_where_a_person_committed_it(world: World) -> None:
    place = world.item("one")
    (world.root / DAY).mkdir(parents=True)
    place.rename(world.root / DAY / "one.yaml")
    world.write(f"{DAY}/README.md", "No item.\n")
    world.commit("Done already")
    world.tick()
    assert world.events("one") == ["submit", "cancel"]
    assert world.tick().commits == 0


def test_a_finished_item_whose_file_a_person_moves_to_another_day_is_not_ended_twice(world: World) -> None:
    world.item("one")
    world.commit("An item")
    world.tick()
    ended = world.events("one")
    world.move("one", DAY, commit=True)
    world.tick()
    assert world.events("one") == ended
