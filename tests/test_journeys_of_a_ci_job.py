"""The journeys of a CI job that makes passes: what goes round with nobody there, and what a pass leaves behind."""

import json
import os
from pathlib import Path

from factory.model.lifecycle import Outcome
from tests.steps import GOOD, write
from tests.world import World


def test_a_second_tick_with_nothing_to_do_makes_no_commit(world: World) -> None:
    world.item("one", contract="reviewed")
    world.item("two")
    world.tick()
    head = world.git("rev-parse", "main")
    assert world.tick().commits == 0
    assert world.git("rev-parse", "main") == head


def test_findings_of_a_failed_check_reach_the_next_run_which_goes_on_from_the_last_proposal(world: World) -> None:
    # given a worker that writes down what it is told and what it finds in its worktree
    script = (
        "cp $FACTORY_FINDINGS told-$FACTORY_RUN.json; ls > seen-$FACTORY_RUN.txt; echo round $FACTORY_ROUND >> rounds;"
        " [ $FACTORY_RUN = 1 ] && echo bad > work.txt || echo good > work.txt"
    )
    world.contract("checked", worker={"run": ["sh", "-c", script]}, checks=[GOOD])
    world.item("one", contract="checked")
    # when its first proposal fails its check
    world.tick()
    # then it lies in rework without having asked anybody, and nothing was merged
    assert world.lane("one") == "rework"
    assert world.events("one") == ["submit", "start", "deliver", "rework"]
    assert world.last("one").reason == "failed: good"
    assert not (world.root / "work.txt").exists()
    # and the next run knows what was found, and starts from the last proposal
    world.tick(drain=True)
    assert world.lane("one") == "done"
    assert json.loads(world.read("told-1.json")) == []
    [told] = json.loads(world.read("told-2.json"))
    assert "check good" in told["text"]
    assert {"work.txt", "told-1.json"} <= set(world.read("seen-2.txt").split())
    assert world.read("rounds") == "round 1\nround 2\n"
    assert world.read("work.txt") == "good\n"


def test_without_keep_branch_rework_starts_afresh(world: World) -> None:
    script = "ls > seen-$FACTORY_RUN.txt; [ $FACTORY_RUN = 1 ] && echo bad > work.txt || echo good > work.txt"
    world.contract(
        "fresh", worker={"run": ["sh", "-c", script]}, checks=[GOOD], rework={"max_rounds": 3, "keep_branch": False}
    )
    world.item("one", contract="fresh")
    world.tick(drain=True)
    assert world.lane("one") == "done"
    assert "work.txt" not in world.read("seen-2.txt").split()
    assert not (world.root / "seen-1.txt").exists()


def test_the_last_round_ends_in_blocked(world: World) -> None:
    world.contract("checked", checks=[GOOD], rework={"max_rounds": 2})
    world.item("one", [write("work.txt", "bad\n")], [write("work.txt", "worse\n")], contract="checked")
    world.tick(drain=True)
    assert world.lane("one") == "blocked"
    assert world.events("one") == ["submit", "start", "deliver", "rework", "start", "deliver", "block"]
    assert world.last("one").reason == "2 rounds used up; the last: failed: good"


def test_without_its_target_branch_nothing_moves_and_no_item_is_to_blame(world: World) -> None:
    world.policy("target: trunk")
    world.item("one")
    head = world.git("rev-parse", "main")
    for arguments in (("tick",), ("tick", "--drain"), ("tick", "--dry-run"), ("run",)):
        said = world.command(*arguments, status=3)
        assert "the target branch trunk, which WORKFLOW.md names, does not exist" in said
        assert "next: git branch trunk" in said
    assert world.git("rev-parse", "main") == head
    assert "git branch trunk" in world.command("doctor", status=1)
    assert "WORKFLOW.md:4:1: target: the target branch trunk" in world.command("check", status=1)
    world.git("branch", "trunk")
    world.command("tick")
    assert world.last("one").outcome is Outcome.APPLIED


def test_a_target_that_goes_while_a_worker_is_at_work_blocks_no_item(world: World) -> None:
    # given a person who takes the target away in the middle of a run, and brings it back later
    world.git("branch", "trunk")
    world.policy("target: trunk")
    world.contract("meddling", worker={"run": ["sh", "-c", f"git -C {world.root} branch -q -D trunk; echo > one.txt"]})
    world.policy("target: trunk\nsandbox: off")
    world.item("one", contract="meddling")
    assert "next: git branch trunk" in world.command("tick", "--drain", status=3)
    assert world.lane("one") != "blocked"
    world.git("branch", "trunk")
    world.contract("meddling", worker={"run": ["sh", "-c", "echo > one.txt"]})
    world.command("tick", "--drain")
    assert world.last("one").outcome is Outcome.APPLIED
    world.command("audit", status=0)


def test_several_items_are_merged_in_one_tick(world: World) -> None:
    ids = [f"item-{number}" for number in range(6)]
    for item_id in ids:
        world.item(item_id)
    world.tick()
    assert {world.lane(item_id) for item_id in ids} == {"done"}
    assert all(world.read(f"{item_id}.txt") == f"{item_id}\n" for item_id in ids)
    assert world.status() == ""
    assert world.git("fsck", "--no-dangling") == ""


def test_acceptance_checks_are_run_by_the_factory(world: World) -> None:
    check = "acceptance: [{id: A1, text: good, check: [grep, -q, good, work.txt]}]\n"
    world.item("one", [write("work.txt", "bad\n")], [write("work.txt", "good\n")], text=check)
    world.tick()
    assert world.lane("one") == "rework"
    assert "acceptance A1" in world.last("one").findings[0].text
    world.tick()
    assert world.lane("one") == "done"


def test_nothing_is_left_behind_after_a_tick(world: World) -> None:
    world.item("one")
    world.item("two", [{"exit": 1}])
    world.tick()
    cells = [path for path in Path(os.environ["XDG_CACHE_HOME"]).rglob("*") if path.name.startswith("factory-cell")]
    assert cells == []
    assert world.git("worktree", "list").count("\n") == 0
    assert not list((world.root / ".git/factory/heartbeats").glob("*"))
    assert not (world.root / ".git/index.lock").exists()
