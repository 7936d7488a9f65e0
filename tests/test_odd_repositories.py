"""Repositories in odd places and odd forms."""

import os
from pathlib import Path

import pytest

from tests.witness import assert_nothing_left
from tests.world import World

NAMES = {
    "a line end": "two\nlines",
    "not UTF-8": os.fsdecode(b"caf\xe9"),
    "a colon": "a:b",
    "quotes": 'it\'s "odd"',
    "a dash and a space": "-rf x",
    "a line end at its end": "one\n",
}
SPARSE = {
    "cone": ("--cone", "src"),
    "no cone": ("--no-cone", "/src/", "/queue/", "/WORKFLOW.md"),
    "sparse index": ("--cone", "--sparse-index", "src", "queue/inbox"),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_repository_may_lie_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    world = World.create(tmp_path / NAMES[name])
    world.git("worktree", "add", "-q", "--detach", str(tmp_path / (NAMES[name] + " tree")))
    world.item("one")
    world.item("two", contract="reviewed")
    world.factory("tick", "--drain")
    assert world.lane("one") == "done", world.last("one").reason
    world.factory("review", "two", "--approve")
    world.factory("tick", "--drain")
    assert world.lane("two") == "done"
    assert world.read("two.txt") == "two\n"
    for arguments in (("status",), ("show", "one"), ("list", "--json"), ("doctor",)):
        world.factory(*arguments)
    world.factory("audit")
    world.git("worktree", "remove", str(tmp_path / (NAMES[name] + " tree")))
    assert_nothing_left(world)


@pytest.mark.parametrize("how", SPARSE)
def test_a_cell_holds_every_file_whatever_the_checkout_shows(world: World, how: str) -> None:
    # given a person who has most of the repository hidden
    world.write("src/a.py", "a = 1\n")
    world.write("lib/deep/b.py", "b = 1\n")
    world.commit("Files")
    world.contract(
        "whole", checks=[{"name": "all", "run": ["sh", "-c", "test -f lib/deep/b.py && test -f program.py"]}]
    )
    world.git("sparse-checkout", "set", *SPARSE[how])
    # when workers change what is hidden and what is not
    edits = [{"write": {"path": path, "text": "new\n"}} for path in ("lib/deep/b.py", "src/a.py")]
    world.item("one", edits, contract="whole")
    world.tick(drain=True)
    # then it is all there
    assert world.lane("one") == "done", world.last("one").reason
    assert world.git("show", "main:lib/deep/b.py") == "new"
    assert world.read("src/a.py") == "new\n"
    assert world.status() == ""


@pytest.mark.parametrize("how", [("--cone", "src"), ("--cone", "--sparse-index", "src"), ("--no-cone", "/src/")])
def test_items_that_the_checkout_leaves_out_move_unseen(world: World, how: tuple[str, ...]) -> None:
    # given items that are committed, and a person who has the queue and the code hidden
    world.write("src/a.py", "a = 1\n")
    world.write("lib/b.py", "b = 1\n")
    edits = [{"write": {"path": path, "text": "new\n"}} for path in ("lib/b.py", "lib/c.py", "src/a.py")]
    world.item("one", edits)
    world.item("two", contract="reviewed")
    world.item("three", text="hold: true\n")
    world.commit("Items")
    world.git("sparse-checkout", "set", *how)
    # when they move
    for _ in range(2):
        world.tick(drain=True)
        assert world.status() == ""
    # then a commit of all that the person changed takes nothing away
    world.write("src/a.py", "mine\n")
    world.git("commit", "-q", "-a", "-m", "Mine")
    assert world.git("show", "--format=", "--name-only") == "src/a.py"
    world.tick(drain=True)
    assert [world.lane(each) for each in ("one", "two", "three")] == ["done", "review", "inbox"]
    assert not (world.root / "lib").exists()
    # and what was hidden comes back
    world.git("sparse-checkout", "disable")
    assert world.status() == ""
    assert world.read("lib/b.py") == world.read("lib/c.py") == "new\n"
    assert (world.root / "queue/review/two.yaml").is_file()
    world.command("audit")
