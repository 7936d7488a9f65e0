"""`factory diff`: what a proposal changes, and what became of it from round to round."""

import re

from tests.world import World


def rounds(world: World) -> None:
    """An item whose first proposal moves a file and adds one, and whose second changes the added one."""
    world.write("old.py", "".join(f"line {number}\n" for number in range(30)))
    world.commit("A longer file")
    script = "mv old.py new.py; sed -i 's/line 3$/line three/' new.py"
    script = f"[ -f new.py ] || {{ {script}; }}; printf 'round %s\\n' $FACTORY_ROUND > one.txt"
    seats = [{"name": "human", "kind": "human"}]
    world.contract("moves", worker={"run": ["sh", "-c", script]}, review={"seats": seats})
    world.item("one", contract="moves")
    world.tick()
    world.command("review", "one", "--rework", "-m", "again")
    world.tick()


def test_it_shows_the_newest_proposal_with_renames_as_renames(world: World) -> None:
    rounds(world)
    said = world.command("diff", "one")
    assert "rename from old.py\nrename to new.py" in said
    assert "-line 3\n+line three" in said
    assert "+round 2" in said
    assert "2 files changed" in said
    assert "queue/" not in said
    assert "\x1b" not in said


def test_it_shows_what_changed_between_two_rounds(world: World) -> None:
    rounds(world)
    said = world.command("diff", "one", "--rounds", "1..2")
    assert "-round 1\n+round 2" in said
    assert "new.py" not in said
    assert "-round 2\n+round 1" in world.command("diff", "one", "--rounds", "2..1")


def test_it_goes_on_showing_what_was_finished(world: World) -> None:
    rounds(world)
    world.command("review", "one", "--approve")
    world.tick()
    assert world.lane("one") == "done"
    assert "+round 2" in world.command("diff", "one")
    assert "+round 2" in world.command("diff", "one", "--rounds", "1..2")


def test_in_a_clone_of_the_branch_alone_the_recorded_patches_are_told_from_each_other(world: World) -> None:
    # given a clone of the branch alone, with an item in review
    rounds(world)
    clone = World(world.root.parent / "clone")
    world.git("clone", "-q", "--single-branch", "--no-local", str(world.root), str(clone.root))
    assert "rename from old.py" in clone.command("diff", "one")
    assert "-round 1\n+round 2" in clone.command("diff", "one", "--rounds", "1..2")


def test_what_cannot_be_shown_is_said_in_a_sentence(world: World) -> None:
    rounds(world)
    world.item("two", text="hold: true\n")
    world.tick()
    assert "two has no proposal yet" in world.command("diff", "two", status=2)
    assert "one has no proposal of round 7; there are those of 1, 2" in world.command(
        "diff", "one", "--rounds", "1..7", status=2
    )
    for bad in ("1", "1..", "a..b", "0..1", "1...2", "--output=x"):
        assert "is not of the form A..B" in world.command("diff", "one", f"--rounds={bad}", status=2)
    assert "there is no item" in world.command("diff", "three", status=2)


def test_nothing_in_it_reaches_the_terminal_unseen(world: World) -> None:
    world.item("one", [{"write": {"path": "a\x1b[2J.txt", "text": "\x1b[31mred\x07\n"}}], contract="reviewed")
    world.tick()
    said = world.command("diff", "one")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", said)
    assert "red" in said
