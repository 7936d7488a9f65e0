"""The journeys of a developer who works alone: commits tasks as files, moves and edits them, and stands in the way."""

import json
import signal

import pytest

from factory.model.lifecycle import Lane, Outcome
from tests.steps import GOOD, result, write
from tests.witness import commands_with
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
        world.until(lambda: world.last("one").outcome is Outcome.CANCELLED)
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
    # and its journal says of the first run how it went, as it does of the second
    _, _, moved, _, delivered, _ = world.journal("one")
    assert moved.sandbox == delivered.sandbox is not None
    assert moved.phases[0].name == delivered.phases[0].name == "worker"


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


def test_an_item_whose_contract_is_not_there_waits_with_the_reason(world: World) -> None:
    world.item("one", contract="nowhere")
    world.item("two")
    world.tick()
    assert world.lane("one") == "inbox"
    assert world.lane("two") == "done"
    assert "there is no contract 'nowhere'" in world.factory("status")


def test_a_new_contract_that_nobody_committed_is_taken_in_and_used(world: World) -> None:
    world.write("contracts/fresh.yaml", world.read("contracts/scripted.yaml"))
    world.item("one", contract="fresh")
    world.tick()
    assert world.lane("one") == "done"
    assert world.status() == ""
