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
    world.command("audit")


def test_what_fails_is_followed_up_and_validated_again_and_nothing_else_is(world: World) -> None:
    table = {
        "shop.a": {"write": {"a.txt": "wrong"}},  # its own check is not the assertion's
        "shop.b": {"write": {"b.txt": "done BUG"}},
        "shop.fix-1": {"write": {"b.txt": "done and right"}},
    }
    mission = Mission(world, table)
    mission.plan(
        [assertion("VAL-1", "a.txt", check=["test", "-e", "a.txt"]), assertion("VAL-2", "b.txt")],
        milestone("m1", feature("a", "VAL-1"), feature("b", "VAL-2")),
    )
    mission.drain()
    assert world.lane("shop") == "done"
    told = [(entry.reason or "").partition(";")[0] for entry in world.journal("shop") if entry.event == "advance"]
    assert told[told.index("ended: shop.m1.scrutiny") :] == [
        "ended: shop.m1.scrutiny",
        "m1: filed shop.fix-1",
        "ended: shop.fix-1",
        "m1: filed shop.m1.scrutiny-2",  # of the follow-up alone
        "ended: shop.m1.scrutiny-2",
        "m1: filed shop.m1.scrutiny-3",  # of what had passed, and rests on what the follow-up changed
        "ended: shop.m1.scrutiny-3",
    ]
    second, third = (world.read(world.path(f"shop.m1.scrutiny-{number}")) for number in (2, 3))
    assert 'reviews: ["shop.fix-1"]' in second
    assert "VAL-" not in second
    assert "VAL-2" in third
    assert "VAL-1" not in third
    world.command("audit")
