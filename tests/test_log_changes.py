"""`factory log --changes` and the line of git that says the same: what came in, without the factory's own steps."""

import json

from tests.world import World


def test_only_what_changed_the_content_is_shown_with_the_item_that_brought_it(world: World) -> None:
    world.item("one")
    world.commit("Ask for one")
    world.tick(drain=True)
    world.write("program.py", "print('by hand')\n")
    mine = world.commit("A change by hand")
    world.item("held", text="hold: true\n")
    world.tick()
    found = json.loads(world.command("log", "--changes", "--json"))
    assert [(row["subject"], row["item_id"]) for row in found] == [
        ("A change by hand", ""),
        ("Merge one: do one", "one"),
        ("The beginning", ""),
    ]
    assert found[0]["commit"] == mine
    # and git alone says the same, as the docs have it
    line = world.git("log", "--first-parent", "--format=%s", "--", ":!queue", ":!artifacts")
    assert line.split("\n") == [row["subject"] for row in found]


def test_it_is_told_what_to_say_when_neither_is_given(world: World) -> None:
    assert "give the id of an item, or --changes" in world.command("log", status=2)
    assert "give the id of an item, or --changes" in world.command("log", "one", "--changes", status=2)
