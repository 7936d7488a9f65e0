"""The ways an item can take from inbox to its end."""

from tests.world import World


def test_a_file_becomes_a_merged_change(world: World) -> None:
    # given a new file that nobody has committed
    world.item("one")
    # when the factory makes one pass
    world.tick()
    # then the change is merged, the item is done, and the working tree shows just that
    assert world.lane("one") == "done"
    assert world.events("one") == ["submit", "start", "deliver", "finish"]
    assert world.read("one.txt") == "one\n"
    assert world.status() == ""


def test_a_reviewer_decides_by_editing_a_file(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    assert world.lane("one") == "review"
    world.verdict("one", "approve")
    world.tick()
    assert world.lane("one") == "done"
    assert world.read("one.txt") == "one\n"
