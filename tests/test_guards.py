"""Guards by users: what they found holds after the end, and is tried again when what it rests on has changed."""

import json

from tests.missions import Mission, feature, milestone
from tests.user_testing import SHOP, WEB, contract
from tests.world import World

TRIED = {"id": "VAL-1", "text": "there are 2 apples", "by": "user-testing", "paths": ["shop.py"], "guard": True}
COUNTS = """
seen = get("/cart")
says("VAL-1", "pass" if seen == b"2 apples" else "fail", leave("evidence/cart.txt", seen), said=seen.decode())
done()
"""
CANNOT = 'says("VAL-1", "unread")\ndone()\n'


def watched(world: World, **table: object) -> Mission:
    """A mission at its end, one assertion of which a user has tried and is guarded."""
    mission = Mission(world, table)
    world.write("shop.py", SHOP)
    contract(world, COUNTS, "testing", apply={"mode": "merge"})
    world.commit("A shop, and who tries it")
    mission.plan([TRIED], milestone("m1", feature("a", "VAL-1")), services={"web": WEB})
    mission.drain()
    mission.is_done()
    return mission


def test_what_a_user_found_is_tried_again_when_it_breaks_and_once_more_when_it_is_put_right(world: World) -> None:
    mission = watched(world, **{"shop.guard-testing.fix-1": {"write": {"shop.py": SHOP}}})
    world.write("shop.py", SHOP.replace("2 apples", "3 apples"))
    world.commit("By hand")
    mission.drain()
    items = ("shop.guard-testing", "shop.guard-testing.fix-1", "shop.guard-testing-2")
    assert {world.lane(item_id) for item_id in items} == {"done"}
    assert "3 apples" in world.read(world.path("shop.guard-testing.fix-1"))
    (tried,) = json.loads(world.command("mission", "assertions", "shop", "--json"))
    (shown,) = tried["judged"]["evidence"]
    assert shown.endswith("/shop.guard-testing-2/run-1/files/evidence/cart.txt")
    assert world.read(shown) == "2 apples"
    assert not list((world.root / "queue").rglob("shop.guard-testing-3*"))
    world.command("audit")


def test_what_nobody_could_try_is_not_tried_again_and_again(world: World) -> None:
    mission = watched(world)
    contract(world, CANNOT, "testing", apply={"mode": "merge"})
    world.write("shop.py", SHOP.replace("2 apples", "3 apples"))
    world.commit("By hand")
    mission.drain()
    mission.drain()
    assert world.lane("shop.guard-testing") == "done"
    assert not list((world.root / "queue").rglob("shop.guard-testing-2*"))
    world.command("audit")


def test_an_item_of_a_persons_own_with_a_guards_name_proves_nothing(world: World) -> None:
    mission = watched(world)
    world.item("shop.guard-testing")
    world.commit("A name that is free")
    mission.drain()
    world.write("shop.py", SHOP.replace("2 apples", "3 apples"))
    world.commit("By hand")
    mission.drain()
    assert "3 apples" in world.read(world.path("shop.guard-testing-2.fix-1"))
    world.command("audit")


def test_a_look_whose_words_somebody_changed_proves_nothing_and_another_one_is_filed(world: World) -> None:
    mission = watched(world)
    lenient = COUNTS.replace('"pass" if seen == b"2 apples" else "fail"', '"pass"')
    contract(world, lenient, "lenient", apply={"mode": "none"})
    testing = world.read("contracts/testing.yaml")
    world.write("contracts/testing.yaml", "purpose: [\n")  # so that it waits
    world.write("shop.py", SHOP.replace("2 apples", "3 apples"))
    world.commit("By hand")
    mission.drain()
    path = world.path("shop.guard-testing")
    world.write(path, world.read(path).replace('contract: "testing"', 'contract: "lenient"'))
    world.write("contracts/testing.yaml", testing)
    world.commit("Whoever looks is content with anything")
    mission.drain()
    assert world.lane("shop.guard-testing") == "done"
    assert "3 apples" in world.read(world.path("shop.guard-testing-2.fix-1"))
    world.command("audit")
