"""The ways an item can take from inbox to its end."""

import json
import os
import signal
from pathlib import Path

import pytest

from factory.model.failure import FailureClass
from factory.model.lifecycle import Lane, Outcome
from tests.witness import commands_with
from tests.world import World

HUMAN = {"seats": [{"name": "tests", "kind": "checks"}, {"name": "human", "kind": "human"}]}
GOOD = {"name": "good", "run": ["grep", "-q", "good", "work.txt"]}


def write(path: str, text: str) -> dict[str, object]:
    return {"write": {"path": path, "text": text}}


def result(**fields: object) -> dict[str, object]:
    return {"result": fields}


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


def test_the_items_file_is_moved_byte_for_byte(world: World) -> None:
    # given an item with comments and a spelling of its own
    place = world.item("one", text="# why: nobody knows\nlabels:   [ 'a' ]\n")
    text = place.read_bytes()
    # when it is done
    world.tick()
    # then the file is the same, and git follows it through its lanes
    assert (world.root / world.path("one")).read_bytes() == text
    followed = world.git("log", "--follow", "-M100%", "--format=%s", "--", world.path("one")).split("\n")
    assert followed == [
        "factory: one review -> done (run 1)",
        "factory: one active -> review (run 1)",
        "factory: one inbox -> active (run 1)",
        "factory: take in queue/inbox/one.yaml",
    ]


def test_every_move_is_a_commit_with_trailers_and_every_journal_line_is_whole(world: World) -> None:
    world.item("one")
    world.tick()
    trailers = world.git(
        "log", "--reverse", "--grep=^Factory-Move", "--format=%(trailers:key=Factory-Move,valueonly,separator=%x2C)"
    )
    assert trailers.split("\n") == ["inbox -> active", "active -> review", "review -> done"]
    journal = world.journal("one")
    assert [entry.seq for entry in journal] == [1, 2, 3, 4]
    assert [(entry.source, entry.to) for entry in journal] == [
        (None, Lane.INBOX),
        (Lane.INBOX, Lane.ACTIVE),
        (Lane.ACTIVE, Lane.REVIEW),
        (Lane.REVIEW, Lane.DONE),
    ]
    assert journal[1].lease is not None
    assert journal[1].lease.generation == 1
    assert journal[2].subject == journal[3].subject
    assert journal[3].outcome is Outcome.APPLIED
    assert journal[3].applied == world.git("log", "-1", "--format=%H", "--", "one.txt", "--first-parent") or (
        world.git("merge-base", "--is-ancestor", str(journal[3].applied), "main") == ""
    )


def test_a_run_leaves_its_artifacts_beside_the_journal(world: World) -> None:
    world.item("one", [write("one.txt", "1\n"), {"say": "I was here"}, result(summary="wrote it")])
    world.tick()
    left = world.artifacts("one")
    assert {"journal.jsonl", "run-1/patch.diff", "run-1/result.json", "run-1/evidence.json", "run-1/prompt.md"} <= set(
        left
    )
    assert "+1" in left["run-1/patch.diff"]
    assert left["run-1/prompt.md"] == "do one"
    assert "I was here" in left["run-1/output.log"]
    listed = json.loads(left["run-1/manifest.json"])["files"]
    assert set(listed) == {name.removeprefix("run-1/") for name in left if name.startswith("run-1/")} - {
        "manifest.json"
    }


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


def test_a_rework_verdict_sends_findings_and_notes_to_the_next_run(world: World) -> None:
    script = "cp $FACTORY_FINDINGS told-$FACTORY_RUN.json"
    world.contract("asked", worker={"run": ["sh", "-c", script]}, review=HUMAN)
    world.item("one", contract="asked")
    world.tick()
    path = world.verdict("one", "rework")
    finding = "- {id: F1, severity: major, path: a.py, line: 3, text: off by one}"
    path.write_text(
        path.read_text().replace("findings: []", f"findings:\n{finding}").replace("notes: |", "notes: hurry")
    )
    world.tick()
    assert world.events("one") == ["submit", "start", "deliver", "rework", "start", "deliver"]
    world.verdict("one", "approve")
    world.tick()
    assert world.lane("one") == "done"
    told = json.loads(world.read("told-2.json"))
    assert [(found["id"], found["text"]) for found in told] == [("F1", "off by one"), ("N1", "hurry")]
    # the verdict that was given lies beside the run it judged
    assert "decision: rework" in world.artifacts("one")["run-1/verdict.human.yaml"]
    assert "decision: approve" in world.artifacts("one")["run-2/verdict.human.yaml"]


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


@pytest.mark.parametrize("by", ["mv", "git mv", "retry"])
def test_a_blocked_item_goes_on_when_a_person_moves_its_file(world: World, by: str) -> None:
    # given an item whose worker asks a question
    world.item("one", [result(status="blocked", question="which file?")], [write("one.txt", "1\n")])
    world.tick()
    assert world.lane("one") == "blocked"
    assert world.last("one").reason == "which file?"
    # when a person sends it back
    if by == "retry":
        world.factory("retry", "one")
    else:
        world.move("one", "queue/inbox", commit=by == "git mv")
    world.tick()
    # then it runs again and ends well
    assert world.lane("one") == "done"
    assert world.events("one") == ["submit", "start", "block", "unblock", "start", "deliver", "finish"]
    unblocked = next(entry for entry in world.journal("one") if entry.event == "unblock")
    assert unblocked.actor == "Ann <ann@example.org>"


def test_a_rejected_item_is_done_and_changes_nothing(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    path = world.verdict("one", "reject")
    path.write_text(path.read_text().replace("notes: |", "notes: not wanted"))
    world.tick()
    assert world.lane("one") == "done"
    assert (world.last("one").event, world.last("one").outcome) == ("reject", Outcome.REJECTED)
    assert "not wanted" in str(world.last("one").reason)
    assert not (world.root / "one.txt").exists()
    assert world.tick(drain=True).commits == 0


def test_an_escalated_item_waits_for_a_person(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    world.verdict("one", "escalate")
    world.tick()
    assert world.lane("one") == "blocked"
    assert world.events("one")[-1] == "block"
    assert world.status() == ""


def test_an_escalated_item_can_be_judged_once_more_when_it_is_moved_back_to_review(world: World) -> None:
    # given an item that one reviewer handed up
    world.item("one", contract="reviewed")
    world.tick()
    world.verdict("one", "escalate")
    world.tick()
    # when somebody moves it back to review
    world.move("one", "queue/review")
    world.tick()
    # then there is a verdict file again for that person to edit
    assert world.lane("one") == "review"
    world.verdict("one", "approve")
    world.tick()
    assert world.lane("one") == "done"
    assert world.read("one.txt") == "one\n"


@pytest.mark.parametrize("committed", [False, True])
def test_a_waiting_item_is_cancelled_by_moving_it_to_done(world: World, committed: bool) -> None:
    world.item("one", text="hold: true\n")
    world.tick()
    world.move("one", "queue/done", commit=committed)
    world.tick()
    assert world.path("one").split("/")[1:] == ["done", f"{world.last('one').at:%Y-%m-%d}", "one.yaml"]
    assert world.events("one") == ["submit", "cancel"]
    assert world.last("one").outcome is Outcome.CANCELLED
    assert world.status() == ""


def test_an_item_in_review_is_cancelled_and_its_verdict_file_goes_too(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    world.factory("cancel", "one")
    world.tick()
    assert world.lane("one") == "done"
    assert world.last("one").outcome is Outcome.CANCELLED
    assert "verdict" not in world.git("ls-files", "queue")
    assert not (world.root / "one.txt").exists()
    assert world.status() == ""


def test_a_running_item_is_cancelled_and_its_worker_is_stopped(world: World) -> None:
    # given an orchestrator with a worker that would sleep for a minute
    world.contract("slow", worker={"run": ["sh", "-c", "sleep 60.101; touch late"]})
    world.item("one", contract="slow")
    running = world.start("run")
    try:
        world.until(lambda: bool(commands_with("60.101")))
        # when a person cancels it
        world.factory("cancel", "one")
        world.until(lambda: world.lane("one") == "done")
        # then its worker is gone and nothing of it was merged
        world.until(lambda: not commands_with("60.101"))
        assert world.last("one").outcome is Outcome.CANCELLED
    finally:
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=20)
    assert not (world.root / "late").exists()
    assert world.status() == ""


def test_a_running_item_that_is_moved_back_to_inbox_is_run_anew(world: World) -> None:
    # given a worker that hangs in its first run only
    script = "[ $FACTORY_RUN = 1 ] && sleep 60.102; echo $FACTORY_RUN > ran.txt"
    world.contract("slow", worker={"run": ["sh", "-c", script]})
    world.item("one", contract="slow")
    running = world.start("run")
    try:
        world.until(lambda: bool(commands_with("60.102")))
        world.until(lambda: world.lane("one") == "active" and (world.root / "queue/active/one.yaml").exists())
        # when a person puts it back into the inbox
        world.move("one", "queue/inbox")
        # then the first run is stopped, and a second one ends well
        world.until(lambda: world.lane("one") == "done")
    finally:
        running.send_signal(signal.SIGINT)
        output, _ = running.communicate(timeout=20)
    assert world.events("one") == ["submit", "start", "moved", "start", "deliver", "finish"], output
    assert world.read("ran.txt") == "2\n"
    assert commands_with("60.102") == []


def test_an_item_whose_text_changes_while_it_runs_goes_back_and_costs_nothing(world: World) -> None:
    script = "[ $FACTORY_RUN = 1 ] && sleep 60.103; cp $FACTORY_ITEM item.json"
    world.contract("slow", worker={"run": ["sh", "-c", script]}, retry={"max_attempts": 1}, rework={"max_rounds": 1})
    world.item("one", contract="slow")
    running = world.start("run")
    try:
        world.until(lambda: bool(commands_with("60.103")))
        place = world.root / "queue/active/one.yaml"
        world.until(place.exists)
        place.write_text(place.read_text() + "description: now with more detail\n")
        world.until(lambda: world.lane("one") == "done")
    finally:
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=20)
    assert world.events("one") == ["submit", "start", "release", "start", "deliver", "finish"]
    released = world.journal("one")[2]
    assert (released.to, released.failure, released.reason) == (Lane.INBOX, None, "its text changed while it ran")
    assert json.loads(world.read("item.json"))["description"] == "now with more detail"


def test_the_last_round_ends_in_blocked(world: World) -> None:
    world.contract("checked", checks=[GOOD], rework={"max_rounds": 2})
    world.item("one", [write("work.txt", "bad\n")], [write("work.txt", "worse\n")], contract="checked")
    world.tick(drain=True)
    assert world.lane("one") == "blocked"
    assert world.events("one") == ["submit", "start", "deliver", "rework", "start", "deliver", "block"]
    assert world.last("one").reason == "2 rounds used up; the last: failed: good"


def test_a_person_who_unblocks_an_item_gives_it_new_rounds_and_its_findings(world: World) -> None:
    # given an item whose only round is used up
    script = (
        "cp $FACTORY_FINDINGS told-$FACTORY_RUN.json;"
        " [ $FACTORY_RUN = 1 ] && echo bad > work.txt || echo good > work.txt"
    )
    world.contract("checked", worker={"run": ["sh", "-c", script]}, checks=[GOOD], rework={"max_rounds": 1})
    world.item("one", contract="checked")
    world.tick()
    assert world.lane("one") == "blocked"
    # when a person sends it back to work
    world.factory("retry", "one")
    world.tick()
    # then it goes on from what it had, knowing what was found
    assert world.lane("one") == "done"
    assert "check good" in json.loads(world.read("told-2.json"))[0]["text"]
    assert (world.root / "told-1.json").exists()


def test_retry_after_a_breach_in_the_last_round_tells_the_worker_of_it(world: World) -> None:
    script = "cp $FACTORY_FINDINGS told.json; [ $FACTORY_RUN = 1 ] && echo x > forbidden.txt; true"
    produces = {"patch": {"paths": ["told.json"]}}
    world.contract("strict", worker={"run": ["sh", "-c", script]}, produces=produces, rework={"max_rounds": 1})
    world.item("one", contract="strict")
    world.tick()
    assert world.lane("one") == "blocked"
    world.factory("retry", "one")
    world.tick()
    assert world.lane("one") == "done"
    [told] = json.loads(world.read("told.json"))
    assert told["path"] == "forbidden.txt"


# How an approved proposal changes the world


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


AT_MOST_ONE = {"name": "few", "run": ["sh", "-c", 'test "$(ls *.part | wc -l)" -le 1']}
COUNTED = {"name": "counted", "run": ["sh", "-c", "ls *.part"]}


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


def test_a_hold_beats_an_older_approval(world: World) -> None:
    # given an approved item that a person puts on hold before the next tick
    world.item("one", contract="reviewed")
    world.tick()
    world.verdict("one", "approve")
    world.factory("hold", "one")
    # when the factory makes a pass
    world.tick()
    # then nothing is applied, and nothing is lost either
    assert world.lane("one") == "review"
    assert not (world.root / "one.txt").exists()
    assert "on hold" in world.factory("status")
    # and it goes on when the hold is off
    world.factory("hold", "one", "--off")
    world.tick()
    assert world.lane("one") == "done"
    assert world.events("one") == ["submit", "start", "deliver", "finish"]


def test_uncommitted_work_in_the_way_of_a_merge_is_kept_and_the_item_waits(world: World) -> None:
    # given a person who is changing the very file
    world.item("one", [write("program.py", "print('done')\n")])
    world.write("program.py", "print('mine')\n")
    # when the item is approved
    world.tick()
    # then the person's text is untouched and the item waits for it
    assert world.read("program.py") == "print('mine')\n"
    assert world.lane("one") == "review"
    assert "program.py" in world.factory("status")
    # and goes on when it is out of the way
    world.git("checkout", "--", "program.py")
    world.tick()
    assert world.lane("one") == "done"
    assert world.read("program.py") == "print('done')\n"


def test_another_branch_checked_out_is_left_alone(world: World) -> None:
    world.item("one")
    world.commit("An item")
    world.git("switch", "-q", "-c", "elsewhere", "HEAD~1")
    world.write("mine.txt", "mine\n")
    world.tick()
    assert world.lane("one") == "done"
    assert world.git("show", "main:one.txt") == "one"
    assert world.git("rev-parse", "--abbrev-ref", "HEAD") == "elsewhere"
    assert world.status() == "?? mine.txt"


def test_a_reviewer_who_has_the_proposal_checked_out_keeps_a_whole_working_tree(world: World) -> None:
    # given a reviewer who switched to the item's branch to try the proposal
    world.item("one", contract="reviewed")
    world.tick()
    world.verdict("one", "approve")
    world.commit("Approve one")
    world.git("switch", "-q", "factory/one")
    proposal = world.git("rev-parse", "HEAD")
    # when the factory applies it
    world.tick()
    # then it is merged, and the reviewer still stands on the same commit with all files there
    assert world.lane("one") == "done"
    assert world.git("rev-parse", "HEAD") == proposal
    assert world.read("one.txt") == "one\n"
    assert world.read("program.py") == "print('hello')\n"
    assert world.status() == ""


# What a worker can come to


def test_a_worker_that_cannot_be_started_blocks_with_the_reason(world: World) -> None:
    world.contract("absent", worker={"run": ["no-such-program"]})
    world.item("one", contract="absent")
    world.tick()
    assert world.lane("one") == "blocked"
    assert world.last("one").failure is FailureClass.CONFIG
    assert "no-such-program" in str(world.last("one").reason)


def test_an_item_whose_contract_is_not_there_waits_with_the_reason(world: World) -> None:
    world.item("one", contract="nowhere")
    world.item("two")
    world.tick()
    assert world.lane("one") == "inbox"
    assert world.lane("two") == "done"
    assert "there is no contract 'nowhere'" in world.factory("status")


@pytest.mark.parametrize(
    ("steps", "lane", "event", "failure", "reason"),
    [
        ([result(status="blocked", question="which?")], "blocked", "block", None, "which?"),
        ([result(status="refused", summary="not my job")], "blocked", "block", "refusal", "not my job"),
        ([result(confidence=0.3), write("a.txt", "a\n")], "blocked", "block", None, "the worker's confidence is 0.3"),
        ([result(status="failed", summary="fell over")], "inbox", "release", "crash", "fell over"),
        ([{"exit": 3}], "inbox", "release", "crash", "exit status 3"),
        ([], "rework", "rework", "empty", "nothing was changed"),
        ([write("program.py", "print('hello')\n")], "rework", "rework", "empty", "nothing was changed"),
        ([result(confidence=2)], "rework", "rework", "contract", "confidence"),
    ],
    ids=["blocked", "refused", "unsure", "failed", "exit 3", "empty", "same content", "bad result"],
)
def test_what_a_worker_says_decides_where_its_item_goes(
    world: World, steps: list[dict[str, object]], lane: str, event: str, failure: str | None, reason: str
) -> None:
    world.item("one", steps)
    world.tick()
    assert world.lane("one") == lane
    assert world.last("one").event == event
    assert world.last("one").failure == failure
    assert reason in str(world.last("one").reason)
    assert world.status() == ""


def test_low_confidence_is_sent_back_where_the_contract_says_refuse(world: World) -> None:
    world.contract("sure", on_uncertainty="refuse")
    world.item("one", [result(confidence=0.3), write("a.txt", "a\n")], [write("a.txt", "b\n")], contract="sure")
    world.tick(drain=True)
    assert world.events("one") == ["submit", "start", "rework", "start", "deliver", "finish"]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("{", "result.json:1:"),
        ('{"status": "fine"}', "status"),
        ('{"status": "ok", "konfidence": 1}', "did you mean 'confidence'?"),
        ("[]", "result.json"),
        ("\u0000", "result.json"),
    ],
    ids=["cut off", "unknown status", "unknown key", "a list", "NUL"],
)
def test_a_broken_result_is_a_breach_of_contract_that_says_where(world: World, text: str, where: str) -> None:
    world.item("one", [write("a.txt", "a\n"), {"out": {"path": "result.json", "text": text}}])
    world.tick()
    assert world.lane("one") == "rework"
    assert world.last("one").failure is FailureClass.CONTRACT
    assert where in world.last("one").findings[0].text


def test_a_result_that_is_too_large_is_not_read(world: World) -> None:
    world.contract(
        "large", worker={"run": ["sh", "-c", "echo a > a.txt; yes | head -c 300000 > $FACTORY_OUT/result.json"]}
    )
    world.item("one", contract="large")
    world.tick()
    assert world.lane("one") == "rework"
    assert "bytes long" in str(world.last("one").reason)


@pytest.mark.parametrize(
    ("patch", "steps", "said"),
    [
        ({"paths": ["src/**"]}, [write("src/a.txt", "a\n"), write("b.txt", "b\n")], "b.txt: may not be changed"),
        ({"max_files": 1}, [write("a.txt", "a\n"), write("b.txt", "b\n")], "2 files were changed; at most 1"),
        ({"max_lines": 2}, [write("a.txt", "1\n2\n3\n")], "3 lines were changed; at most 2"),
        ({}, [write("queue/inbox/mine.yaml", "title: more\n")], "belongs to the factory"),
        ({}, [write("artifacts/one/journal.jsonl", "{}\n")], "belongs to the factory"),
    ],
    ids=["path", "files", "lines", "queue", "artifacts"],
)
def test_a_patch_outside_its_contract_goes_back_with_the_breach_named(
    world: World, patch: dict[str, object], steps: list[dict[str, object]], said: str
) -> None:
    world.contract("narrow", produces={"patch": patch})
    world.item("one", steps, contract="narrow")
    world.tick()
    assert world.lane("one") == "rework"
    assert world.last("one").failure is FailureClass.CONTRACT
    assert said in str(world.last("one").reason)
    assert world.status() == ""


def test_a_symbolic_link_in_a_patch_is_a_breach(world: World) -> None:
    world.contract("linking", worker={"run": ["ln", "-s", "/etc/passwd", "link"]})
    world.item("one", contract="linking")
    world.tick()
    assert world.lane("one") == "rework"
    assert "link: is a symbolic link" in str(world.last("one").reason)


def test_a_linked_file_in_the_out_folder_is_not_read(world: World) -> None:
    script = "echo x > a.txt; ln -s /etc/passwd $FACTORY_OUT/report.md"
    world.contract("leak", worker={"run": ["sh", "-c", script]}, produces={"files": [{"path": "report.md"}]})
    world.item("one", contract="leak")
    world.tick()
    assert world.lane("one") == "rework"
    assert not any("root:" in text for text in world.artifacts("one").values())


@pytest.mark.parametrize(
    ("size", "said"), [(None, "is missing in $FACTORY_OUT"), (3000, "is larger than 2 KiB")], ids=["missing", "large"]
)
def test_a_required_file_must_be_there_and_small_enough(world: World, size: int | None, said: str) -> None:
    world.contract("report", produces={"files": [{"path": "report.md", "max_kb": 2}]})
    steps = [write("a.txt", "a\n")]
    if size:
        steps.append({"out": {"path": "report.md", "text": "x" * size}})
    world.item("one", steps, contract="report")
    world.tick()
    assert world.lane("one") == "rework"
    assert said in str(world.last("one").reason)


def test_a_worker_sees_only_its_own_item_and_a_small_environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # given secrets in the environment, of which the contract names one
    monkeypatch.setenv("PARENT_SECRET", "hidden")
    monkeypatch.setenv("NAMED", "let-through")
    world.contract("nosy", worker={"run": ["sh", "-c", "env | sort > env.txt; ls -A > seen.txt"], "env": ["NAMED"]})
    world.item("one", contract="nosy")
    world.item("two", text="hold: true\n")
    world.tick()
    names = {line.partition("=")[0] for line in world.read("env.txt").split("\n")} - {"", "PWD", "OLDPWD", "SHLVL", "_"}
    assert "PARENT_SECRET" not in names
    assert "NAMED" in names
    asked = {"ITEM", "PROMPT", "OUT", "RUN", "ROUND", "FINDINGS", "EARLIER", "BASE"}
    assert {name for name in names if name.startswith("FACTORY_")} == {f"FACTORY_{name}" for name in asked}
    assert names - {f"FACTORY_{name}" for name in asked} <= {"HOME", "TMPDIR", "PATH", "LANG", "TERM", "NAMED"}
    assert not {"queue", "artifacts"} & set(world.read("seen.txt").split())


def test_a_worker_may_commit_what_it_likes_and_only_the_content_counts(world: World) -> None:
    script = (
        "git config user.name W; git config user.email w@example.org; echo 1 > a.txt; git add -A;"
        " git commit -qm mine; echo 2 > b.txt"
    )
    world.contract("committing", worker={"run": ["sh", "-c", script]})
    world.item("one", contract="committing")
    world.tick()
    assert world.lane("one") == "done"
    assert (world.read("a.txt"), world.read("b.txt")) == ("1\n", "2\n")
    assert "mine" not in world.git("log", "--format=%s", "main").split("\n")


def test_item_text_never_becomes_a_second_argument_or_a_template(world: World) -> None:
    world.contract(
        "echo", worker={"run": ["sh", "-c", 'printf "%s|" "$@" > args.txt', "sh", "{{ inputs.text }}", "end"]}
    )
    text = "a b; touch pwned; {{ 7*7 }} $(touch pwned)"
    world.write("queue/inbox/one.yaml", f"title: t\ncontract: echo\ninputs: {{text: '{text}'}}\n")
    world.tick()
    assert world.read("args.txt") == f"{text}|end|"
    assert not (world.root / "pwned").exists()


def test_a_template_that_names_something_unknown_blocks_with_the_place(world: World) -> None:
    world.contract("wrong", worker={"run": ["echo", "{{ inputs.nothing }}"]})
    world.item("one", contract="wrong")
    world.tick()
    assert world.lane("one") == "blocked"
    assert "worker.run[1]" in str(world.last("one").reason)


def test_a_change_of_a_protected_file_always_needs_a_person(world: World) -> None:
    # given a contract whose only seat is the checks
    world.item("one", [write("contracts/mine.yaml", "purpose: p\nworker: {run: [true]}\n")])
    world.tick()
    # then the change waits for a human seat all the same
    assert world.lane("one") == "review"
    world.verdict("one", "approve")
    world.tick()
    assert world.lane("one") == "done"
    assert (world.root / "contracts/mine.yaml").exists()


def test_an_acceptance_criterion_without_a_check_must_be_answered_by_a_seat(world: World) -> None:
    world.item("one", text="acceptance: [{id: A1, text: it reads well}]\n")
    world.item("two", text="acceptance: [{id: A1, text: it reads well}]\n", contract="reviewed")
    world.tick()
    # nobody can answer under a contract without a human seat
    assert world.lane("one") == "blocked"
    assert "nobody can answer A1" in str(world.last("one").reason)
    assert "acceptance: {A1: unread}" in world.read("queue/review/two.human.verdict.yaml")


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


def test_a_new_contract_that_nobody_committed_is_taken_in_and_used(world: World) -> None:
    world.write("contracts/fresh.yaml", world.read("contracts/scripted.yaml"))
    world.item("one", contract="fresh")
    world.tick()
    assert world.lane("one") == "done"
    assert world.status() == ""
