"""Evidence: claims are run again, a check can be asked to prove that it can fail, and nothing is run twice."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from factory.line.orchestrator import Orchestrator
from factory.line.tick import tick
from factory.model.failure import FailureClass
from factory.store.repository.repository import Repository
from tests.world import World, say_nothing


def write(path: str, text: str) -> dict[str, object]:
    return {"write": {"path": path, "text": text}}


def claims(*commands: tuple[list[str], int]) -> dict[str, object]:
    return {"result": {"handoff": {"commands": [{"run": run, "exit_code": code} for run, code in commands]}}}


def evidence(world: World, item_id: str, run: int = 1, name: str = "evidence.json") -> dict[str, dict[str, object]]:
    """What was run, by name."""
    found = json.loads(world.artifacts(item_id)[f"run-{run}/{name}"])
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
    assert not evidence(world, "one")["claims/1"]["reused"]
    assert evidence(world, "one", name="recheck.json")["counts"]["reused"]
    # and on other files it is run again
    world.item("two", contract="counting")
    world.tick()
    assert note.read_text() == "run\nrun\n"


def test_a_failure_is_not_remembered_beyond_the_run_that_saw_it(world: World, tmp_path: Path) -> None:
    # given a check that needs something of the machine, where nothing contains it
    world.policy("sandbox: off\ncanary: off")
    world.contract("needy", checks=[{"name": "needs", "run": ["test", "-e", str(tmp_path / "mended")]}])
    world.item("one", [write("one.txt", "1\n"), {"result": {}}], contract="needy")
    with at_work(world) as orchestrator:
        tick(orchestrator)
        assert world.lane("one") == "rework"
        # when a person mends the machine, while the factory goes on
        (tmp_path / "mended").touch()
        tick(orchestrator)
    # then the same proposal is checked again
    assert world.lane("one") == "done"


def test_what_passed_is_run_again_when_a_shared_folder_has_changed(world: World, tmp_path: Path) -> None:
    # given a check that takes note of each of its runs, beside a folder that git does not hold
    world.policy("sandbox: off\ncanary: off\ncell: {shares: [deps]}")
    world.write(".gitignore", "deps/\n")
    world.write("deps/deep/lib", "1")
    world.commit()
    note, check = tmp_path / "note", ["grep", "-q", "1", "deps/deep/lib"]
    argv = ["sh", "-c", f"echo run >> {note}; {' '.join(check)}"]
    world.contract("counting", checks=[{"name": "counts", "run": argv}], apply={"mode": "none"})
    with at_work(world) as orchestrator:
        for number, name in enumerate(("one", "two", "three")):
            if name == "three":
                world.write("deps/deep/lib", "none")
            world.item(name, [write("the.txt", "the same\n")], contract="counting")
            tick(orchestrator)
            # then it is known as long as that is the same, and not for longer
            assert note.read_text() == "run\n" * max(1, number)
    assert (world.lane("two"), world.lane("three")) == ("done", "rework")


def test_a_persons_retry_checks_an_unchanged_proposal_again(world: World, tmp_path: Path) -> None:
    # given a worker that makes the same each time and says nothing, and a check that the machine lets down
    world.policy("sandbox: off\ncanary: off")
    check = {"name": "needs", "run": ["test", "-e", str(tmp_path / "mended")]}
    world.contract("needy", checks=[check], rework={"max_rounds": 2})
    world.item("one", [write("one.txt", "1\n")], contract="needy")
    world.tick()
    world.tick()
    # when nobody has asked, an unchanged proposal is no new one
    assert (world.lane("one"), world.last("one").failure) == ("blocked", FailureClass.EMPTY)
    # and when a person sends it back, its checks have another say
    world.command("retry", "one")
    world.tick()
    assert world.lane("one") == "rework"
    assert world.events("one")[-2:] == ["deliver", "rework"]
    # but one say only
    world.tick()
    assert (world.lane("one"), world.last("one").failure) == ("blocked", FailureClass.EMPTY)
    # until the machine is mended
    (tmp_path / "mended").touch()
    world.command("retry", "one")
    world.tick()
    assert world.lane("one") == "done"


def test_a_persons_retry_does_not_deliver_again_what_no_check_refused(world: World) -> None:
    world.contract("twice", review={"seats": [{"name": "human", "kind": "human"}]}, rework={"max_rounds": 2})
    world.item("one", [write("one.txt", "1\n")], contract="twice")
    world.tick()
    world.command("review", "one", "--rework", "-m", "again")
    world.tick()
    world.tick()
    assert world.lane("one") == "blocked"
    world.command("retry", "one")
    world.tick()
    assert (world.lane("one"), world.last("one").failure) == ("rework", FailureClass.EMPTY)


@contextmanager
def at_work(world: World) -> Iterator[Orchestrator]:
    """A factory that lasts, and remembers."""
    repository = Repository(world.root)
    orchestrator = Orchestrator(repository, say_nothing)
    try:
        with orchestrator.holding():
            yield orchestrator
    finally:
        repository.close()
