"""The journeys of a reviewer: edits verdict files, is asked again, and tries a proposal out."""

import json

from factory.model.lifecycle import Outcome
from tests.steps import HUMAN, write
from tests.world import World


def test_a_reviewer_decides_by_editing_a_file(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    assert world.lane("one") == "review"
    world.verdict("one", "approve")
    world.tick()
    assert world.lane("one") == "done"
    assert world.read("one.txt") == "one\n"


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
