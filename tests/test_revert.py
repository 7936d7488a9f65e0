"""Revert: an applied change is undone by an item that goes through the same line."""

from factory.model.failure import FailureClass
from tests.test_new_executor import elsewhere
from tests.world import World


def write(path: str, text: str) -> dict[str, object]:
    return {"write": {"path": path, "text": text}}


def test_what_an_item_applied_is_undone_and_nothing_else(world: World) -> None:
    world.item("one", [write("program.py", "print('one')\n"), write("new.txt", "new\n")])
    world.tick()
    world.item("two", [write("two.txt", "two\n")])
    world.tick()
    assert world.command("revert", "one") == "queue/inbox/revert-one.yaml\n"
    world.tick()
    assert world.lane("revert-one") == "done"
    assert world.read("program.py") == "print('hello')\n"
    assert not (world.root / "new.txt").exists()
    assert world.read("two.txt") == "two\n"
    assert world.last("revert-one").outcome == "applied"
    assert world.journal("revert-one")[1].worker == "revert"
    assert world.status() == ""


def test_a_revert_is_checked_and_judged_like_any_other_change(world: World) -> None:
    world.contract("judged", checks=[{"name": "there", "run": ["test", "-e", "new.txt"]}])
    world.item("one", [write("new.txt", "new\n")], contract="judged")
    world.tick()
    world.command("revert", "one")
    world.tick()
    # its check says that the file has to be there
    assert world.lane("revert-one") == "rework"
    world.command("cancel", "revert-one")
    world.command("revert", "one", "--contract", "reviewed")
    world.tick()
    assert world.lane("revert-one-2") == "review"
    world.verdict("revert-one-2", "approve")
    world.tick()
    assert not (world.root / "new.txt").exists()


def test_later_changes_in_the_way_are_named(world: World) -> None:
    world.item("one", [write("program.py", "print('one')\n")])
    world.tick()
    world.item("two", [write("program.py", "print('two')\n")])
    world.tick()
    world.command("revert", "one")
    world.tick()
    # for a person at once: the next round could only make the same again
    assert (world.lane("revert-one"), world.last("revert-one").failure) == ("blocked", FailureClass.CONFLICT)
    assert world.last("revert-one").run == 1
    assert "later changes stand in the way of the revert: program.py" in str(world.last("revert-one").reason)


def test_what_was_never_applied_cannot_be_undone(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    assert "has applied nothing that could be undone" in world.command("revert", "one", status=2)
    assert "there is no item 'nobody'" in world.command("revert", "nobody", status=2)


def test_an_item_cannot_revert_what_is_not_in_the_target(world: World) -> None:
    world.write("queue/inbox/odd.yaml", f"title: odd\ncontract: scripted\nreverts: {'a' * 40}\n")
    world.tick()
    assert (world.lane("odd"), world.last("odd").failure) == ("blocked", FailureClass.INVALID_REQUEST)


def test_the_first_commit_cannot_be_undone(world: World) -> None:
    first = world.git("rev-list", "--max-parents=0", "HEAD")
    world.write("queue/inbox/odd.yaml", f"title: odd\ncontract: scripted\nreverts: {first}\n")
    world.tick()
    assert (world.lane("odd"), world.last("odd").failure) == ("blocked", FailureClass.INVALID_REQUEST)


def test_a_revert_can_be_made_in_another_clone_as_well(world: World) -> None:
    world.item("one", [write("new.txt", "new\n")])
    world.tick()
    world.command("revert", "one")
    world.commit("To be undone")
    elsewhere(world)
    assert world.lane("revert-one") == "done"
    assert not (world.root / "new.txt").exists()
    world.command("audit")
