"""Missions: a plan that is approved is carried out, milestone by milestone, until everything is proven."""

from tests.missions import Mission, assertion, feature, milestone
from tests.world import World


def test_an_approved_plan_is_carried_out_to_its_end_without_a_person(world: World) -> None:
    mission = Mission(world)
    mission.plan(
        [assertion("VAL-1", "a.txt"), assertion("VAL-2", "b.txt"), assertion("VAL-3", "c.txt")],
        milestone("m1", feature("a", "VAL-1"), feature("b", "VAL-2")),
        milestone("m2", feature("c", "VAL-3", depends_on=["a"])),
    )
    mission.drain()
    assert world.lane("shop") == "done"
    assert mission.states() == {"VAL-1": "passed", "VAL-2": "passed", "VAL-3": "passed"}
    assert world.last("shop").event == "close"
    assert world.last("shop").outcome == "applied"
    for item_id in ("shop.a", "shop.b", "shop.c", "shop.m1.scrutiny", "shop.m2.scrutiny"):
        assert world.lane(item_id) == "done", item_id
