"""The journeys of a maintainer, whose branch takes what was approved: how it gets there, and what keeps it out."""

import json

import pytest

from factory.model.failure import FailureClass
from factory.model.lifecycle import Outcome
from tests.steps import HUMAN, write
from tests.world import World

AT_MOST_ONE = {"name": "few", "run": ["sh", "-c", 'test "$(ls *.part | wc -l)" -le 1']}
COUNTED = {"name": "counted", "run": ["sh", "-c", "ls *.part"]}


def test_merge_brings_the_proposal_in_as_a_second_parent(world: World) -> None:
    world.item("one")
    world.tick()
    applied = str(world.last("one").applied)
    proposal = str(world.last("one").proposal)
    assert world.git("rev-parse", f"{applied}^2") == proposal
    assert world.git("log", "-1", "--format=%an", proposal).startswith("worker ")
    assert world.git("branch", "--list", "factory/*") == ""


def test_squash_brings_it_in_as_one_commit(world: World) -> None:
    world.contract("squashed", apply={"mode": "squash"})
    world.item("one", contract="squashed")
    world.tick()
    applied = str(world.last("one").applied)
    assert len(world.git("log", "-1", "--format=%P", applied).split()) == 1
    assert world.read("one.txt") == "one\n"
    assert world.last("one").outcome is Outcome.APPLIED


def test_branch_leaves_the_proposal_for_a_pull_request(world: World) -> None:
    world.contract("offered", apply={"mode": "branch"})
    world.item("one", contract="offered")
    world.tick()
    assert world.lane("one") == "done"
    assert world.last("one").outcome is Outcome.ACCEPTED
    assert world.git("show", "factory/one:one.txt") == "one"
    assert not (world.root / "one.txt").exists()


def test_none_changes_nothing(world: World) -> None:
    world.contract("tried", apply={"mode": "none"})
    world.item("one", contract="tried")
    world.tick()
    assert world.last("one").outcome is Outcome.ACCEPTED
    assert not (world.root / "one.txt").exists()
    assert world.git("branch", "--list", "factory/*") == ""


def test_deleted_and_nested_files_are_applied_too(world: World) -> None:
    world.item("one", [{"delete": "program.py"}, write("a/b/c.txt", "deep\n")])
    world.tick()
    assert not (world.root / "program.py").exists()
    assert world.read("a/b/c.txt") == "deep\n"
    assert world.status() == ""


def test_a_contract_without_a_patch_is_accepted_with_its_files(world: World) -> None:
    produces = {"patch": {"required": False}, "files": [{"path": "report.md"}]}
    world.contract("report", produces=produces)
    world.item("one", [{"out": {"path": "report.md", "text": "all is well\n"}}], contract="report")
    world.tick()
    assert world.last("one").outcome is Outcome.ACCEPTED
    assert world.artifacts("one")["run-1/files/report.md"] == "all is well"
    assert world.git("ls-files", "report.md") == ""


def test_the_target_may_be_another_branch(world: World) -> None:
    # given a factory on main that merges into trunk
    world.git("branch", "trunk")
    world.policy("target: trunk")
    before = world.git("rev-parse", "trunk")
    world.item("one")
    # when an item is done
    world.tick()
    # then its change is on trunk only, and the queue's history on main only
    assert world.last("one").outcome is Outcome.APPLIED
    assert world.git("show", "trunk:one.txt") == "one"
    assert "one.txt" not in world.git("ls-tree", "-r", "--name-only", "main").split("\n")
    assert "queue/done" not in world.git("ls-tree", "-r", "--name-only", "trunk").replace("queue/done/.gitkeep", "")
    assert world.git("rev-parse", "trunk^1") == before
    assert world.status() == ""


def test_a_conflict_sends_the_later_one_to_rework_and_it_is_made_to_fit(world: World) -> None:
    world.contract("reviewed-too", review=HUMAN)
    world.item("one", [write("shared.txt", "one\n")], contract="reviewed-too")
    world.item("two", [write("shared.txt", "two\n")], [write("shared.txt", "one\ntwo\n")], contract="reviewed-too")
    world.tick()
    world.verdict("one", "approve")
    world.verdict("two", "approve")
    world.tick(drain=True)
    assert world.lane("one") == "done"
    reworked = next(entry for entry in world.journal("two") if entry.event == "rework")
    assert reworked.failure is FailureClass.CONFLICT
    assert [finding.path for finding in reworked.findings] == ["shared.txt"]
    assert world.lane("two") == "review"  # it has run once more, and waits again
    world.verdict("two", "approve")
    world.tick()
    assert world.read("shared.txt") == "one\ntwo\n"


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_moved_target_is_checked_again_and_a_break_stops_the_merge(world: World, by_hand: bool) -> None:
    # given a proposal that passed its checks on the target as it was
    world.contract("few", checks=[AT_MOST_ONE], review=HUMAN)
    world.item("one", [write("one.part", "1\n")], contract="few")
    world.tick()
    assert world.lane("one") == "review"
    # when the target changes so that both together are broken
    world.write("other.part", "2\n")
    world.git("add", "other.part")
    world.git("commit", "-q", "-m", "Another part")
    world.verdict("one", "approve")
    if by_hand:
        world.git("add", "-A")
        world.git("commit", "-q", "-m", "Approve")
    world.tick()
    # then the approval does not carry the merge
    assert not (world.root / "one.part").exists()
    assert "failed: few" in [entry.reason for entry in world.journal("one")]
    assert json.loads(world.artifacts("one")["run-1/recheck.json"])["ran"][0]["exit_code"] == 1
    assert json.loads(world.artifacts("one")["run-1/evidence.json"])["ran"][0]["exit_code"] == 0


def test_a_moved_target_that_still_fits_is_merged_with_the_new_evidence_kept(world: World) -> None:
    world.contract("counted", checks=[COUNTED], review=HUMAN)
    world.item("one", [write("one.part", "1\n")], contract="counted")
    world.tick()
    world.write("other.part", "2\n")
    world.git("add", "other.part")
    world.git("commit", "-q", "-m", "Another part")
    world.verdict("one", "approve")
    world.tick()
    assert world.lane("one") == "done"
    assert "other.part" in world.artifacts("one")["run-1/recheck/checks/counted.log"]
    assert "other.part" not in world.artifacts("one")["run-1/checks/counted.log"]


def test_two_items_that_break_each_other_are_not_both_merged(world: World) -> None:
    world.contract("few", checks=[AT_MOST_ONE], rework={"max_rounds": 1})
    world.item("one", [write("one.part", "1\n")], contract="few")
    world.item("two", [write("two.part", "2\n")], contract="few")
    world.tick()
    assert sorted([world.lane("one"), world.lane("two")]) == ["blocked", "done"]
    assert len(list(world.root.glob("*.part"))) == 1


def test_a_commit_that_only_touches_the_queue_does_not_make_checks_run_again(world: World) -> None:
    world.contract("counted", checks=[COUNTED], review=HUMAN)
    world.item("one", [write("one.part", "1\n")], contract="counted")
    world.tick()
    world.write("queue/inbox/later.yaml", "title: later\nhold: true\n")
    world.commit()
    world.verdict("one", "approve")
    world.tick()
    assert world.lane("one") == "done"
    assert "run-1/recheck.json" not in world.artifacts("one")
