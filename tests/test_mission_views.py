"""The views of a mission: how far it is, what it has cost, what is done for it, and what each assertion rests on."""

import json
from collections.abc import Mapping

from tests.missions import Mission, assertion, feature, milestone
from tests.world import World

LEFT = {"shop.a": {"handoff": {"left_undone": ["the docs of a"]}}}


def of_two_milestones(world: World, table: Mapping[str, object] | None = None, **more: object) -> Mission:
    """A mission whose plan is approved, and which has not gone on since."""
    mission = Mission(world, table)
    mission.plan(
        [assertion("VAL-1", "a.txt"), assertion("VAL-2", "b.txt"), assertion("VAL-3", "c.txt")],
        milestone("m1", feature("a", "VAL-1"), feature("b", "VAL-2")),
        milestone("m2", feature("c", "VAL-3", depends_on=["a"])),
        **more,
    )
    return mission


def row_of(world: World, item_id: str) -> dict[str, object]:
    """What `status --json` says of an item."""
    rows: list[dict[str, object]] = json.loads(world.command("status", "--json"))["items"]
    return next(row for row in rows if row["id"] == item_id)


def test_the_status_of_a_mission_is_how_far_it_is_and_never_that_nobody_works_on_it(world: World) -> None:
    of_two_milestones(world, budget={"usd": 40})
    world.tick()
    row = row_of(world, "shop")
    assert row["state"] == "under-way"
    note = str(row["note"])
    assert note.startswith("0 of 3 assertions passed, milestone 1 of 2, 0.00 of 40 USD; ")
    assert note.endswith("; next: shop.b, starts with the next tick")
    progress = row["progress"]
    assert isinstance(progress, dict)
    assert (progress["passed"], progress["assertions"], progress["milestone"]) == (0, 3, 1)
    assert "under-way" in world.command("status")
    assert row_of(world, "shop.b")["progress"] is None


def test_the_status_of_a_mission_that_asks_says_first_what_a_person_does(world: World) -> None:
    of_two_milestones(world, LEFT).drain()
    note = str(row_of(world, "shop")["note"])
    assert note.startswith("asks: m1: 1 issue of its handoffs has nobody's answer (factory answer shop, or edit ")
    assert note.endswith("; 0 of 3 assertions passed, milestone 1 of 2")
