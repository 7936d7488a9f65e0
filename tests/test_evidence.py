"""Evidence: claims are run again, a check can be asked to prove that it can fail, and nothing is run twice."""

import json
from pathlib import Path

from factory.model.failure import FailureClass
from tests.world import World


def write(path: str, text: str) -> dict[str, object]:
    return {"write": {"path": path, "text": text}}


def claims(*commands: tuple[list[str], int]) -> dict[str, object]:
    return {"result": {"handoff": {"commands": [{"run": run, "exit_code": code} for run, code in commands]}}}


def evidence(world: World, item_id: str, run: int = 1) -> dict[str, dict[str, object]]:
    """What was run, by name."""
    found = json.loads(world.artifacts(item_id)[f"run-{run}/evidence.json"])
    return {ran["name"]: ran for ran in found["ran"]}


def test_a_claim_that_does_not_hold_is_a_failure_of_its_own_with_both_results_side_by_side(world: World) -> None:
    # given a worker that says its tests passed, which they do not
    lie = [write("one.txt", "1\n"), claims((["grep", "-q", "two", "one.txt"], 0))]
    truth = [write("one.txt", "two\n"), claims((["grep", "-q", "two", "one.txt"], 0))]
    world.item("one", lie, truth)
    world.tick()
    # then it goes to rework as `evidence`, and costs a round
    last = world.last("one")
    assert (world.lane("one"), last.failure, last.event) == ("rework", FailureClass.EVIDENCE, "rework")
    assert last.reason == "`grep -q two one.txt`: the worker says 0, here 1"
    assert "claim: `grep -q two one.txt` ended with exit status 1; the worker says 0" in last.findings[0].text
    ran = evidence(world, "one")["claims/1"]
    assert (ran["claimed"], ran["exit_code"]) == (0, 1)
    assert "run-1/checks/claims/1.log" in world.artifacts("one")
    # and the next round goes on from what was proposed, and holds
    world.tick()
    assert world.lane("one") == "done"
    assert evidence(world, "one", 2)["claims/1"]["exit_code"] == 0
    assert world.read("one.txt") == "two\n"


def test_a_claim_of_failure_that_holds_is_no_failure(world: World) -> None:
    world.item("one", [write("one.txt", "1\n"), claims((["grep", "-q", "two", "one.txt"], 1))])
    world.tick()
    assert world.lane("one") == "done"


def test_a_claimed_program_that_is_not_there_is_a_claim_that_does_not_hold(world: World) -> None:
    world.item("one", [write("one.txt", "1\n"), claims((["no-such-program"], 0))])
    world.tick()
    assert (world.lane("one"), world.last("one").failure) == ("rework", FailureClass.EVIDENCE)
    assert "could not be started" in str(world.last("one").reason)


def test_more_claims_than_anybody_would_run_break_the_contract(world: World) -> None:
    world.item("one", [write("one.txt", "1\n"), claims(*[(["true"], 0)] * 21)])
    world.tick()
    assert world.last("one").failure is FailureClass.CONTRACT
    assert "handoff.commands" in str(world.last("one").reason)


def test_a_check_that_has_to_fail_before_proves_that_it_can_fail(world: World) -> None:
    check = {"name": "greets", "run": ["grep", "-q", "hello", "greeting.txt"], "must_fail_before": True}
    world.contract("proving", checks=[check])
    world.item("one", [write("greeting.txt", "hello\n")], contract="proving")
    world.tick()
    assert world.lane("one") == "done"
    ran = evidence(world, "one")["greets"]
    assert (ran["exit_code"], ran["before"]) == (0, 2)
    assert "run-1/checks/greets.before.log" in world.artifacts("one")


def test_a_check_that_passes_without_the_change_proves_nothing_and_costs_a_round(world: World) -> None:
    world.contract("proving", checks=[{"name": "echo", "run": ["true"], "must_fail_before": True}])
    world.item("one", contract="proving")
    world.tick()
    assert world.lane("one") == "rework"
    assert "passes without the change as well, and so proves nothing" in world.last("one").findings[0].text


def test_an_acceptance_check_may_have_to_fail_before_too(world: World) -> None:
    criterion = 'acceptance: [{id: A1, text: "it is there", check: [test, -e, program.py], must_fail_before: true}]\n'
    world.item("one", text=criterion)
    world.tick()
    assert world.lane("one") == "rework"
    assert "acceptance A1" in world.last("one").findings[0].text


def test_the_same_command_on_the_same_files_in_the_same_environment_is_run_once(world: World, tmp_path: Path) -> None:
    # given a check that takes note of each of its runs, where nothing contains it, and that is not tried otherwise
    world.policy("sandbox: off\ncanary: off")
    note = tmp_path / "note"
    check = ["sh", "-c", f"echo run >> {note}"]
    world.contract("counting", checks=[{"name": "counts", "run": check}])
    world.item("one", [write("one.txt", "1\n"), claims((check, 0))], contract="counting")
    world.tick()
    assert world.lane("one") == "done"
    assert note.read_text() == "run\n"
    assert (evidence(world, "one")["counts"]["reused"], evidence(world, "one")["claims/1"]["reused"]) == (False, True)
    # and on other files it is run again
    world.item("two", contract="counting")
    world.tick()
    assert note.read_text() == "run\nrun\n"
