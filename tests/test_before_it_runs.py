"""What is known to be missing is said before anything is paid for, with what to do about it."""

import json

import pytest

from factory.model.failure import FailureClass
from tests.world import World


def test_a_secret_that_is_not_there_blocks_before_the_worker_runs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.contract("keyed", worker={"run": ["factory-scripted"], "secrets": ["SOLVER_API_KEY"]})
    monkeypatch.delenv("SOLVER_API_KEY", raising=False)
    world.item("one", contract="keyed")
    world.tick()
    last = world.last("one")
    assert (world.lane("one"), last.failure, last.run) == ("blocked", FailureClass.AUTH, 0)
    assert "SOLVER_API_KEY" in str(last.reason)
    # and with it the same item runs
    monkeypatch.setenv("SOLVER_API_KEY", "kept-well-apart-from-everything")
    world.command("retry", "one")
    world.tick(drain=True)
    assert world.lane("one") == "done"


def test_nobodys_verdict_is_refused_with_the_command_that_says_who_one_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    world.verdict("one", "approve")
    # given a machine on which git was never told who works there
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("HOME", str(world.root.parent))
    world.git("config", "user.useConfigOnly", "true")
    report = world.tick()
    assert world.lane("one") == "review"
    assert "git does not know whose verdict this is; git config --global user.name" in str(report.problems[0])


def test_a_result_that_the_factory_wrote_is_not_called_the_workers(world: World) -> None:
    world.item("silent")
    world.item("telling", [{"write": {"path": "a.txt", "text": "a\n"}}, {"result": {"summary": "done"}}])
    world.tick(drain=True)
    made = {each: json.loads(world.artifacts(each)["run-1/manifest.json"])["files"] for each in ("silent", "telling")}
    assert made["silent"]["result.json"]["by"] == "factory"
    assert made["telling"]["result.json"]["by"] == "worker"


def test_check_names_a_committed_schema_that_is_not_this_versions(world: World) -> None:
    world.command("init")
    assert "schema" not in world.command("check")
    world.write("contracts/schema/item.json", "{}\n")
    said = world.command("check", status=0)
    assert "contracts/schema/item.json: is not what this version reads; rm contracts/schema/item.json" in said


def test_before_the_first_commit_doctor_says_that_what_was_laid_has_to_be_committed(world: World) -> None:
    world.git("rm", "-q", "--cached", "WORKFLOW.md")
    world.git("commit", "-q", "-m", "Take the policy away")
    assert "git add WORKFLOW.md contracts queue artifacts && git commit" in world.command("doctor", status=1)
    assert "git add WORKFLOW.md contracts queue artifacts && git commit" in world.command("tick", status=3)


@pytest.mark.parametrize(("program", "runs"), [("nosuch-scan", 0), ("./scan.sh", 1)], ids=["nowhere", "not there then"])
def test_a_secret_scan_that_is_not_there_waits_for_a_person_and_not_for_the_worker(
    world: World, program: str, runs: int
) -> None:
    # given a scan that cannot be run; the second one is found from here, and not from where it works
    world.write("scan.sh", "#!/bin/sh\n").chmod(0o755)
    world.policy(f"secret_scan: [{program}]")
    world.item("one", [{"say": "kept-to-itself"}, {"write": {"path": "a.txt", "text": "a\n"}}])
    # when the item has its turn
    world.command("tick")
    # then no round is used up, and nothing that was not looked through is written down
    last = world.last("one")
    assert (world.lane("one"), last.failure, last.run, last.round) == ("blocked", FailureClass.CONFIG, runs, 1)
    assert f"the secret scan '{program}' of WORKFLOW.md cannot be run" in str(last.reason)
    assert "kept-to-itself" not in "".join(
        text for name, text in world.artifacts("one").items() if name != "journal.jsonl"
    )
    # and with one that works it runs
    world.policy("secret_scan: ['true']")
    world.command("retry", "one")
    world.tick(drain=True)
    assert world.lane("one") == "done"


def test_inputs_that_the_contract_does_not_receive_are_the_items_to_correct(world: World) -> None:
    world.contract("typed", receives={"type": "object", "properties": {"mode": {"type": "string"}}})
    world.write("queue/inbox/one.yaml", "title: t\ncontract: typed\ninputs: {mode: 3}\n")
    world.tick()
    reason = str(world.last("one").reason)
    assert reason == (
        "its inputs are not what the contract receives: mode: 3 is not of type 'string'; "
        "correct the item, or what its contract asks of the worker"
    )
    # and it is no failure of the machine, which would count towards the breaker
    assert world.last("one").failure is FailureClass.INVALID_REQUEST
