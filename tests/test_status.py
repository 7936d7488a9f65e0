"""`factory status`: what is where, and what of it nobody has taken up yet."""

import contextlib
import json
import re
from typing import Any

import pytest

from factory.line.orchestrator import Orchestrator
from factory.store.repository.repository import Repository
from tests.terminal import Terminal
from tests.world import World, say_nothing


def rows(world: World) -> dict[str, Any]:
    """The rows for programs, by item."""
    return {row["id"]: row for row in json.loads(world.command("status", "--json"))["items"]}


def line_of(world: World, item_id: str) -> str:
    return next(line for line in world.command("status").split("\n") if line.startswith(item_id))


@pytest.mark.parametrize("how", ["file", "command"])
@pytest.mark.parametrize("decision", ["approve", "rework", "reject", "escalate"])
def test_after_an_answer_it_says_that_the_answer_is_noted(world: World, decision: str, how: str) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    if how == "command":
        world.command("review", "one", f"--{decision}", "-m", "because")
    else:
        world.verdict("one", decision)
        place = world.root / "queue/review/one.human.verdict.yaml"
        place.write_text(place.read_text().replace("notes: |", "notes: because"))
    assert f"{decision} noted, with the next pass" in line_of(world, "one")
    assert "ready" in line_of(world, "one")


def test_a_lever_that_was_pulled_is_noted(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    world.command("cancel", "one")
    assert "its move to queue/done is noted, with the next pass" in line_of(world, "one")


def test_what_lies_in_the_inbox_counts_before_it_is_taken_in(world: World) -> None:
    # given files that nobody has committed, a batch among them
    for number in range(3):
        world.item(f"new-{number}")
    world.write("queue/inbox/many.jsonl", '{"title": "a"}\n{"title": "b"}\n')
    said = world.command("status")
    assert said.startswith("4 inbox ")
    assert re.search(r"^new-1 +inbox +new +- +do new-1 +is taken in with the next pass$", said, re.M)
    assert re.search(r"^many.jsonl +inbox +new +- +a batch of 2 items +is taken in", said, re.M)
    # and an invalid one does not
    world.write("queue/inbox/bad.yaml", "title: [\n")
    said = world.command("status")
    assert said.startswith("4 inbox ")
    assert "1 problem; factory check says what would be right" in said


def test_a_merge_of_a_persons_is_named_as_what_everything_waits_for(world: World) -> None:
    # given an item that could start, one for which no slot is free, and a merge with a conflict
    world.policy("agent: {max_concurrent_agents: 1}")
    for side in ("side", "main"):
        world.git("switch", "-q", *(["-c", "side"] if side == "side" else ["main"]))
        world.write("program.py", f"{side}\n")
        world.commit(side)
    world.item("one")
    world.item("two")
    world.item("held", text="hold: true\n")
    world.commit("Items")
    world.git("merge", "-q", "side", check=False)
    said = world.command("status")
    assert f"waiting: a merge is in progress in {world.root}; nothing moves until it is finished" in said
    assert "waits for a slot" not in said
    assert "waits: a merge is in progress" in line_of(world, "one")
    assert "waits: a merge is in progress" in line_of(world, "two")
    assert "on hold" in line_of(world, "held")
    assert json.loads(world.command("status", "--json"))["waits_for_a_person"].startswith("a merge")


def test_a_change_that_no_pass_takes_in_is_named_with_what_takes_it_back(world: World) -> None:
    # given an approved item whose file a person has made executable
    world.item("one", contract="reviewed")
    world.tick()
    world.verdict("one", "approve")
    (world.root / "queue/review/one.yaml").chmod(0o755)
    world.tick()
    # then it waits, and says why and until when
    assert "(git checkout -- queue/review/one.yaml takes them back)" in line_of(world, "one")
    world.git("checkout", "--", "queue/review/one.yaml")
    world.tick()
    assert world.lane("one") == "done"


def test_the_check_that_is_being_run_is_named(world: World) -> None:
    assert_named(world, r"one +active +checking +\d+s +do one +slow; last sign of life \d+ s ago", "both")


def test_the_check_that_is_being_run_in_the_merge_train_is_named(world: World) -> None:
    assert_named(world, r"one +review +checking +\d+s +do one +slow", "train")


def assert_named(world: World, line: str, when: str) -> None:
    """A check that is run at this time is named in this line while it lasts."""
    checks = [{"name": "quick", "run": ["true"]}, {"name": "slow", "run": ["sleep", "60"]}]
    world.contract("slow", checks=[{**check, "when": when} for check in checks])
    world.item("one", contract="slow")
    process = world.start("tick")
    try:
        world.until(lambda: rows(world).get("one", {}).get("state") == "checking" and "slow" in line_of(world, "one"))
        assert re.match(line, line_of(world, "one"))
    finally:
        process.send_signal(2)
        process.communicate(timeout=20)


def test_a_run_that_has_just_ended_is_not_stalled(world: World) -> None:
    # given a run that is over while whoever holds the lock has not yet taken its result in
    world.item("one", [{"say": "begun"}, {"sleep": 60}])
    process = world.start("tick")
    heart = world.root / ".git/factory/heartbeats/one"
    try:
        world.until(heart.exists)
        heart.unlink()
        assert "running" in line_of(world, "one")
        assert "its run has ended; the pass that is under way takes its result in" in line_of(world, "one")
    finally:
        process.kill()
        process.communicate()
    # and when nobody holds the lock any more, it is
    heart.touch()
    assert rows(world)["one"]["state"] == "stalled"
    assert "nobody works on it; the next tick takes it back" in line_of(world, "one")


def test_no_row_is_wider_than_the_terminal(world: World) -> None:
    world.item("a-rather-long-name-of-an-item-that-goes-on", text="hold: true\n")
    place = world.item("wide", text="hold: true\n")
    place.write_text(place.read_text().replace("title: do wide", f"title: {'日本語' * 40}"))
    world.item("long", [{"result": {"status": "blocked", "question": "why " * 100}}])
    world.tick()
    for columns in (80, 100):
        shown = Terminal(world, "status", columns=columns).end()
        table = shown.split("orchestrator:")[1].split("\n")[1:]
        assert any("WHY" in line for line in table)
        assert any("why why" in line and line.endswith("…") for line in table)
        assert all(len(line) + sum(character in "日本語" for character in line) <= columns for line in table)


def test_it_can_be_watched(world: World) -> None:
    world.item("one", text="hold: true\n")
    world.tick()
    watched = Terminal(world, "status", "-w")
    try:
        watched.until("on hold")
        world.item("two")
        watched.until("two")
        watched.process.send_signal(2)
        assert "Traceback" not in watched.end()
        assert watched.process.returncode == 0
    finally:
        watched.process.kill()
    assert "--watch needs a terminal" in world.command("status", "--watch", status=2)


def test_a_workers_question_is_shown_with_how_to_answer_it(world: World) -> None:
    world.item("one", [{"result": {"status": "blocked", "question": "Which one?\nThe old or the new?"}}])
    world.tick()
    for said in (world.command("status"), world.command("show", "one")):
        assert "asks: Which one? (factory answer one, or edit queue/blocked/one.answers.yaml)" in said


def test_an_item_in_rework_says_why_it_was_sent_back(world: World) -> None:
    world.contract("fails", checks=[{"name": "tests", "run": ["false"]}])
    world.item("checked", contract="fails")
    world.item("judged", contract="reviewed")
    world.tick()
    world.command("review", "judged", "--rework", "-m", "name the unit")
    repository = Repository(world.root)
    orchestrator = Orchestrator(repository, say_nothing)
    with contextlib.closing(repository), orchestrator.holding():
        orchestrator.one_pass(may_start=False)
    found = {item_id: row["note"] for item_id, row in rows(world).items()}
    why = "sent back: failed: tests (check tests: `false` ended with exit status 1)"
    assert found["checked"] == f"starts with the next tick; {why}"
    assert found["judged"].startswith("starts with the next tick; sent back: ")
    assert "name the unit" in found["judged"]


def test_a_check_that_prints_a_lot_is_told_in_one_line_with_the_log_that_has_the_whole(world: World) -> None:
    # given a check that prints more than a worker is told of it
    world.contract("fails", checks=[{"name": "tests", "run": ["sh", "-c", "seq 1 500; echo 'at last'; exit 1"]}])
    world.item("one", contract="fails")
    world.tick()
    # then the finding says that it is only the end, and where the rest is
    (finding,) = world.last("one").findings
    assert "exit status 1\n… (all of it: checks/tests.log)\n463\n464\n" in finding.text
    assert finding.text.endswith("\n500\nat last")
    # and neither the row nor what is said of the item now holds any of that
    now = next(line for line in world.command("show", "one").splitlines() if line.startswith("now "))
    row = next(line for line in world.command("status").splitlines() if line.startswith("one "))
    for said in (now, row):
        assert "ended with exit status 1" in said and "464" not in said


def test_a_check_that_prints_little_is_told_whole(world: World) -> None:
    world.contract("fails", checks=[{"name": "tests", "run": ["sh", "-c", "echo; echo 1; exit 1"]}])
    world.item("one", contract="fails")
    world.tick()
    assert world.last("one").findings[0].text.endswith("exit status 1\n1")


def test_a_blocked_item_names_the_command_by_which_it_goes_on(world: World) -> None:
    world.item("one", [{"exit": 77}])
    world.tick()
    assert "(factory retry one once that is mended)" in rows(world)["one"]["note"]
