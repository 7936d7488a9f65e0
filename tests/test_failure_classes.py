"""Every class of failure, reached by a real run: what the journal says, and where the item goes."""

from pathlib import Path

import pytest

from factory.model.failure import Cost, FailureClass
from factory.model.lifecycle import Lane
from tests.world import World

Keys = dict[str, object]
Steps = list[dict[str, object]]
WRITE: Steps = [{"write": {"path": "one.txt", "text": "1\n"}}]


def check(world: World, kind: FailureClass) -> str:
    """That the first run failed as such, at the cost that is due; the reason."""
    last = world.last("one")
    assert last.failure is kind
    assert last.source is Lane.ACTIVE
    assert (last.run, last.round) == (1, 1)
    lane = {Cost.ATTEMPT: "inbox", Cost.ROUND: "rework", Cost.PERSON: "blocked"}[kind.cost]
    assert world.lane("one") == lane
    assert last.attempt == (1 if kind.cost is Cost.ATTEMPT else None)
    assert (last.not_before is not None) == (kind.cost is Cost.ATTEMPT)
    assert bool(last.findings) == (kind.cost is Cost.ROUND)
    assert last.reason
    if kind.cost is Cost.PERSON:
        assert kind.advice and last.reason.endswith(f"; {kind.advice}")
    return last.reason


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (1, FailureClass.CRASH),
        (2, FailureClass.CRASH),
        (64, FailureClass.INVALID_REQUEST),
        (65, FailureClass.CRASH),
        (68, FailureClass.NETWORK),
        (69, FailureClass.SERVER),
        (70, FailureClass.CRASH),
        (75, FailureClass.OVERLOADED),
        (76, FailureClass.NETWORK),
        (77, FailureClass.AUTH),
        (78, FailureClass.CONFIG),
        (126, FailureClass.CONFIG),
        (127, FailureClass.CONFIG),
        (255, FailureClass.CRASH),
    ],
)
def test_an_exit_status_alone_names_a_class(world: World, status: int, kind: FailureClass) -> None:
    world.item("one", [*WRITE, {"say": "the last word"}, {"exit": status}])
    world.tick()
    assert f"exit status {status}: the last word" in check(world, kind)


def test_an_exit_status_counts_before_a_result_that_says_ok(world: World) -> None:
    world.item("one", [*WRITE, {"result": {}}, {"exit": 75}])
    world.tick()
    check(world, FailureClass.OVERLOADED)


def test_a_result_that_says_failed_counts_before_the_exit_status(world: World) -> None:
    world.item("one", [{"result": {"status": "failed", "failure": "billing", "summary": "no money"}}, {"exit": 75}])
    world.tick()
    assert check(world, FailureClass.BILLING).startswith("no money; ")


@pytest.mark.parametrize("signal", [6, 9, 11, 15])
def test_a_signal_is_a_crash(world: World, signal: int) -> None:
    world.contract("dying", worker={"run": ["sh", "-c", f"kill -{signal} $$"]})
    world.item("one", contract="dying")
    world.tick()
    assert check(world, FailureClass.CRASH) == f"the worker was killed by signal {signal}"


@pytest.mark.parametrize("kind", [kind for kind in FailureClass if kind.cost is not Cost.ROUND])
def test_a_worker_may_say_which_kind_it_was(world: World, kind: FailureClass) -> None:
    world.item("one", [{"result": {"status": "failed", "failure": str(kind), "summary": "in its own words"}}])
    world.tick()
    assert check(world, kind).startswith("in its own words")


@pytest.mark.parametrize("kind", [kind for kind in FailureClass if kind.cost is Cost.ROUND])
def test_a_worker_cannot_say_what_only_the_factory_finds(world: World, kind: FailureClass) -> None:
    world.item("one", [{"result": {"status": "failed", "failure": str(kind)}}])
    world.tick()
    assert f"{kind} is what the factory itself finds" in check(world, FailureClass.CONTRACT)


def test_a_failure_belongs_to_the_status_failed(world: World) -> None:
    world.item("one", [*WRITE, {"result": {"failure": "network"}}])
    world.tick()
    assert "'failure' belongs to the status failed" in check(world, FailureClass.CONTRACT)


@pytest.mark.parametrize(
    ("status", "kind"), [("failed", FailureClass.CRASH), ("refused", FailureClass.REFUSAL), ("blocked", None)]
)
def test_a_status_alone_names_a_class(world: World, status: str, kind: FailureClass | None) -> None:
    world.item("one", [{"result": {"status": status, "summary": "for a reason", "question": "which?"}}])
    world.tick()
    if kind is not None:
        check(world, kind)
    else:  # a question is no failure
        last = world.last("one")
        assert (world.lane("one"), last.failure, last.reason) == ("blocked", None, "which?")


BUSY = "while :; do echo busy; sleep 0.05; done"


@pytest.mark.parametrize(
    ("kind", "worker", "keys", "said"),
    [
        (FailureClass.TIMEOUT, BUSY, {"limits": {"minutes": 0.01}}, "was stopped after 0.01 minutes"),
        (FailureClass.STALL, "echo a; sleep 30", {"limits": {"stall_minutes": 0.005}}, "without a sign of life"),
        (FailureClass.STALL, "sleep 30", {"limits": {"startup_minutes": 0.005}}, "without a sign of life"),
        (FailureClass.EMPTY, "true", {}, "nothing was changed"),
        (FailureClass.CONTRACT, "echo x > b.txt", {"produces": {"patch": {"paths": ["a/**"]}}}, "may not be changed"),
        (FailureClass.CONTRACT, "printf '\\0' > b.bin", {}, "is not text"),
        (FailureClass.CONTRACT, "chmod +x program.py", {}, "had its mode changed"),
        (FailureClass.CONTRACT, "echo { > $FACTORY_OUT/result.json", {}, "result.json"),
        (FailureClass.CONTRACT, "echo x > x", {"produces": {"files": [{"path": "r.md"}]}}, "is missing in"),
        (FailureClass.CONTRACT, "echo x > x", {"produces": {"data": {"type": "object"}}}, "no result.json"),
        (FailureClass.CONTRACT, "head -c 9000000 /dev/zero > x; sleep 9", {"limits": {"disk_mb": 3}}, "MB written"),
        (FailureClass.CONTRACT, "sleep 9 & sleep 9 & sleep 9 & wait", {"limits": {"processes": 2}}, "processes"),
        (FailureClass.CONTRACT, "echo AKIAIOSFODNN7EXAMPLE > k", {}, "a secret"),
    ],
)  # fmt: skip
def test_how_it_ended_or_what_it_left_names_a_class(
    world: World, kind: FailureClass, worker: str, keys: Keys, said: str
) -> None:
    world.contract("odd", worker={"run": ["sh", "-c", worker]}, **keys)
    world.item("one", contract="odd")
    world.tick()
    assert said in check(world, kind)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"worker": {"run": ["no-such-program"]}}, "there is no such program"),
        ({"worker": {"run": ["./program.py"]}}, "it is not executable"),
        ({"worker": {"run": ["echo", "{{ nobody }}"]}}, "worker.run[1], line 1: 'nobody' is undefined"),
        ({"worker": {"run": ["true"], "prompt": "absent.md"}}, "there is no prompt absent.md"),
    ],
)
def test_a_worker_that_cannot_be_started_is_for_a_person(world: World, keys: Keys, said: str) -> None:
    world.contract("odd", **keys)
    world.item("one", contract="odd")
    world.tick()
    last = world.last("one")
    assert (world.lane("one"), last.failure) == ("blocked", FailureClass.CONFIG)
    assert said in str(last.reason)
    assert str(last.reason).endswith(FailureClass.CONFIG.advice)


def test_a_worker_below_the_machines_tmp_is_for_a_person_at_once_and_a_hooks_own_is_not(
    world: World, tmp_path: Path
) -> None:
    agent = tmp_path / "agent"
    agent.write_text("#!/bin/sh\ntrue\n")
    agent.chmod(0o755)
    world.contract("odd", worker={"run": [str(agent)]})
    world.item("one", contract="odd")
    world.tick()
    last = world.last("one")
    assert (world.lane("one"), last.failure) == ("blocked", FailureClass.CONFIG)
    assert "cells have a /tmp of their own and do not see this machine's" in str(last.reason)
    # and what a hook lays into the cell's own /tmp is there
    world.contract("laid", worker={"run": ["/tmp/laid"]})
    world.policy("hooks:\n  before_run: 'printf \"#!/bin/sh\\necho x > x\" > /tmp/laid; chmod +x /tmp/laid'\n")
    world.item("two", contract="laid")
    world.tick()
    assert world.last("two").failure is None


def test_a_claim_that_does_not_hold_is_evidence_and_costs_a_round(world: World) -> None:
    claim = {"result": {"handoff": {"commands": [{"run": ["false"], "exit_code": 0}]}}}
    world.item("one", [{"write": {"path": "one.txt", "text": "1\n"}}, claim])
    world.tick()
    last = world.last("one")
    assert (world.lane("one"), last.event, last.failure) == ("rework", "rework", FailureClass.EVIDENCE)
    assert (last.source, last.run, last.round) == (Lane.ACTIVE, 1, 1)


def test_checks_that_fail_are_findings_and_cost_a_round(world: World) -> None:
    world.contract("checked", checks=[{"name": "never", "run": ["false"]}])
    world.item("one", contract="checked")
    world.tick()
    last = world.last("one")
    assert (world.lane("one"), last.event, last.failure) == ("rework", "rework", None)
    assert (last.source, last.run, last.round) == (Lane.REVIEW, 1, 1)
    assert last.findings


def test_a_target_that_moved_against_the_proposal_costs_a_round(world: World) -> None:
    world.item("one", [{"write": {"path": "program.py", "text": "print('one')\n"}}], contract="reviewed")
    world.tick()
    world.write("program.py", "print('somebody else')\n")
    world.commit("In the way")
    world.verdict("one", "approve")
    world.tick()
    last = next(entry for entry in world.journal("one") if entry.event == "rework")  # it may have begun again since
    assert (last.event, last.to, last.failure) == ("rework", Lane.REWORK, FailureClass.CONFLICT)
    assert (last.run, last.round) == (1, 1)
    assert "program.py" in str(last.reason) + str(last.findings)


def test_attempts_and_rounds_are_counted_apart(world: World) -> None:
    world.policy("retry: {initial_ms: 1}")
    world.item("one", [{"exit": 1}], [], [{"exit": 75}], WRITE)
    for _ in range(6):
        world.tick()
    ended = [entry for entry in world.journal("one") if entry.source is Lane.ACTIVE]
    assert [(str(entry.failure), entry.attempt, entry.round, entry.run) for entry in ended] == [
        ("crash", 1, 1, 1),
        ("empty", None, 1, 2),
        ("overloaded", 1, 2, 3),
        ("None", None, 2, 4),
    ]
    assert world.lane("one") == "done"
