"""What goes wrong with runs: what it costs, when it is tried again, and when a person is asked."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from factory.line.dispatch.retry import backoff
from factory.model.failure import Cost, FailureClass
from factory.model.lifecycle import Lane
from factory.model.policy import Policy
from tests.witness import commands_with
from tests.world import World

START = datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC)
CRASH: list[dict[str, object]] = [{"say": "Segmentation fault"}, {"exit": 139}]  # as a shell ends
WORK: list[dict[str, object]] = [{"write": {"path": "one.txt", "text": "1\n"}}]

TRANSIENT = {"rate_limit", "overloaded", "server", "network", "timeout", "stall", "crash"}
OWN = {"empty", "contract", "evidence", "conflict"}


@pytest.mark.parametrize("kind", list(FailureClass))
def test_every_failure_class_has_the_documented_cost(kind: FailureClass) -> None:
    expected = Cost.ATTEMPT if kind in TRANSIENT else Cost.ROUND if kind in OWN else Cost.PERSON
    assert kind.cost is expected


def test_there_are_twenty_classes() -> None:
    person = {
        "auth",
        "billing",
        "config",
        "model_not_found",
        "invalid_request",
        "refusal",
        "context",
        "max_turns",
        "budget",
    }
    assert set(FailureClass) == TRANSIENT | OWN | person


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 300), (60, 300)])
def test_the_wait_doubles_up_to_its_cap_with_at_most_a_tenth_of_jitter(attempt: int, seconds: int) -> None:
    assert backoff(attempt, Policy(), 0.0) == timedelta(seconds=seconds)
    assert backoff(attempt, Policy(), 0.5) == timedelta(seconds=min(seconds * 1.05, 300))
    assert backoff(attempt, Policy(), 1.0) == timedelta(seconds=min(seconds * 1.1, 300))


def test_a_crash_is_tried_again_later_and_later_until_the_attempts_are_used_up(world: World) -> None:
    # given a worker that always crashes, a contract with five attempts, and a short cap
    world.policy("agent: {max_retry_backoff_ms: 30000}")
    world.contract("patient", retry={"max_attempts": 5})
    world.item("one", CRASH, contract="patient")
    world.now = START
    waits = []
    for number in range(1, 5):
        world.tick()
        # then after each run it is back where it came from, with the time before which nothing happens
        last = world.last("one")
        assert (last.event, last.to, last.failure, last.attempt) == ("release", Lane.INBOX, FailureClass.CRASH, number)
        assert last.not_before is not None
        waits.append((last.not_before - world.now).total_seconds())
        # and a moment earlier nothing starts
        world.now = last.not_before - timedelta(seconds=1)
        assert world.tick().commits == 0
        world.now = last.not_before + timedelta(seconds=1)
    for wait, expected in zip(waits, (10, 20, 30, 30), strict=True):
        assert expected <= wait <= expected * 1.1
    # and the fifth is the last
    world.tick()
    assert world.lane("one") == "blocked"
    last = world.last("one")
    assert (last.failure, last.attempt, last.run) == (FailureClass.CRASH, 5, 5)
    assert last.reason == "5 attempts used up; the last: the worker was killed by signal 11"
    world.now += timedelta(days=1)
    assert world.tick().commits == 0


def test_a_transient_failure_is_forgotten_once_a_run_ends_well(world: World) -> None:
    world.item("one", CRASH, WORK)
    world.now = START
    world.tick()
    world.now += timedelta(minutes=1)
    world.tick()
    assert world.events("one") == ["submit", "start", "release", "start", "deliver", "finish"]
    assert [entry.run for entry in world.journal("one")] == [0, 1, 1, 2, 2, 2]
    assert world.last("one").round == 1


def test_a_fresh_clone_knows_how_long_to_wait(world: World) -> None:
    world.item("one", CRASH, WORK)
    world.now = START
    world.tick()
    clone = World(world.root.parent / "clone", START + timedelta(seconds=5))
    world.git("clone", "-q", str(world.root), str(clone.root))
    assert clone.tick().commits == 0
    assert "waits until 2026-11-21T10:00:1" in clone.tick().schedule[0].reason
    clone.now = START + timedelta(minutes=1)
    clone.tick()
    assert clone.lane("one") == "done"


def test_attempts_begin_anew_after_a_person_has_looked(world: World) -> None:
    world.contract("hasty", retry={"max_attempts": 1})
    world.item("one", CRASH, CRASH, WORK, contract="hasty")
    world.tick()
    assert world.lane("one") == "blocked"
    world.command("retry", "one")
    world.tick()
    assert world.lane("one") == "blocked"
    assert world.last("one").attempt == 1


def test_waiting_for_a_slot_costs_nothing(world: World) -> None:
    # given one slot and three items that may fail not even once
    world.policy("agent: {max_concurrent_agents: 1}")
    world.contract("strict", retry={"max_attempts": 1}, rework={"max_rounds": 1})
    for item_id in ("a", "b", "c"):
        world.item(item_id, contract="strict")
    # when they wait for one another
    for _ in range(3):
        world.tick()
    # then each of them has run once and has nothing else in its journal
    for item_id in ("a", "b", "c"):
        assert world.events(item_id) == ["submit", "start", "deliver", "finish"]


def test_silence_is_a_stall_and_is_tried_again(world: World) -> None:
    world.contract("quiet", limits={"minutes": 5, "stall_minutes": 0.005})
    world.item("one", [{"say": "begin"}, {"sleep": 30}], contract="quiet")
    world.tick()
    assert (world.lane("one"), world.last("one").failure) == ("inbox", FailureClass.STALL)
    assert "begin" in world.artifacts("one")["run-1/output.log"]


def test_a_run_that_takes_too_long_is_a_timeout_and_is_tried_again(world: World) -> None:
    # it never falls silent, so only the clock ends it
    script = "while :; do echo busy; sleep 0.05; done"
    world.contract("long", worker={"run": ["sh", "-c", script]}, limits={"minutes": 0.01, "stall_minutes": 5})
    world.item("one", contract="long")
    world.tick()
    assert (world.lane("one"), world.last("one").failure) == ("inbox", FailureClass.TIMEOUT)
    assert "busy" in world.artifacts("one")["run-1/output.log"]


def test_a_worker_killed_by_a_signal_has_crashed(world: World) -> None:
    world.contract("dying", worker={"run": ["sh", "-c", "kill -9 $$"]})
    world.item("one", contract="dying")
    world.tick()
    assert world.last("one").failure is FailureClass.CRASH
    assert world.last("one").reason == "the worker was killed by signal 9"


def test_a_worker_that_leaves_children_behind_leaves_none_in_the_end(world: World) -> None:
    script = "sleep 300.1 & setsid sleep 300.2 & echo done > one.txt"
    world.contract("forking", worker={"run": ["sh", "-c", script]})
    world.item("one", contract="forking")
    world.tick()
    assert world.lane("one") == "done"
    world.until(lambda: not commands_with("300.1") and not commands_with("300.2"))


def test_more_output_than_allowed_is_cut_and_no_failure(world: World) -> None:
    script = "yes 0123456789 | head -c 3000000; echo x > a.txt"
    world.contract("loud", worker={"run": ["sh", "-c", script]}, limits={"output_mb": 1})
    world.item("one", contract="loud")
    world.tick()
    assert world.lane("one") == "done"
    assert len(world.artifacts("one")["run-1/output.log"]) < 300_000


def test_a_failure_of_the_workers_own_costs_a_round_and_no_attempt(world: World) -> None:
    world.contract("strict", retry={"max_attempts": 1})
    world.item("one", [], WORK, contract="strict")
    world.tick(drain=True)
    assert world.events("one") == ["submit", "start", "rework", "start", "deliver", "finish"]
    assert world.journal("one")[2].failure is FailureClass.EMPTY
    assert world.last("one").round == 2


def test_a_check_whose_script_the_worker_took_away_has_failed(world: World) -> None:
    world.contract("odd", checks=[{"name": "absent", "run": ["./no-such-script"]}])
    world.item("one", contract="odd")
    world.tick()
    assert world.lane("one") == "rework"
    assert "could not be started" in world.last("one").findings[0].text


def test_a_check_whose_program_this_machine_lacks_waits_for_a_person(world: World) -> None:
    world.contract("odd", checks=[{"name": "absent", "run": ["no-such-program"]}])
    world.item("one", contract="odd")
    world.tick()
    assert (world.lane("one"), world.last("one").failure) == ("blocked", FailureClass.CONFIG)
    assert "the check absent cannot be run: 'no-such-program' could not be started" in str(world.last("one").reason)


def test_a_check_whose_program_lies_in_a_shared_folder_that_this_clone_lacks_waits_for_a_person(world: World) -> None:
    """The clone of a job has no `.venv` until somebody makes one; no worker could put that right."""
    world.policy("cell: {shares: [.venv]}")
    world.contract("odd", checks=[{"name": "tests", "run": [".venv/bin/python", "-V"]}])
    world.item("one", contract="odd")
    world.tick()
    assert (world.lane("one"), world.last("one").failure) == ("blocked", FailureClass.CONFIG)
    assert "the check tests cannot be run: '.venv/bin/python' could not be started" in str(world.last("one").reason)


def test_a_check_cannot_change_what_is_merged(world: World) -> None:
    world.contract("greedy", checks=[{"name": "writes", "run": ["sh", "-c", "echo evil >> one.txt; touch more.txt"]}])
    world.item("one", contract="greedy")
    world.tick()
    assert world.lane("one") == "done"
    assert world.read("one.txt") == "one\n"
    assert not (world.root / "more.txt").exists()


def test_the_cost_of_every_run_is_in_the_journal(world: World) -> None:
    usage = {"input_tokens": 10, "output_tokens": 5, "usd": 0.5}
    world.item("one", [*WORK, {"result": {"usage": usage}}])
    world.tick()
    delivered = world.journal("one")[2]
    assert delivered.usage is not None
    assert (delivered.usage.input_tokens, delivered.usage.usd) == (10, 0.5)
    assert delivered.seconds is not None


def test_an_interrupted_tick_gives_its_items_back_and_leaves_nothing(world: World) -> None:
    world.item("one", [{"say": "begun"}, {"sleep": 60}], WORK)
    process = world.start("tick")
    world.until(lambda: "active" in world.git("ls-files", "queue") and bool(world.events("one")))
    world.until(lambda: (world.root / ".git/factory/heartbeats/one").exists())
    process.send_signal(2)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 130, output
    assert "Traceback" not in output
    assert world.lane("one") == "inbox"
    assert (world.last("one").event, world.last("one").failure) == ("release", None)
    assert world.status() == ""
    assert world.git("worktree", "list").count("\n") == 0
    world.tick()
    assert world.lane("one") == "done"


def test_a_killed_orchestrators_items_are_taken_back(world: World) -> None:
    world.item("one", [{"say": "begun"}, {"sleep": 60}], WORK)
    process = world.start("tick")
    world.until(lambda: (world.root / ".git/factory/heartbeats/one").exists())
    process.kill()
    process.communicate()
    assert world.lane("one") == "active"
    row = json.loads(world.command("status", "--json"))["items"][0]
    assert (row["id"], row["lane"], row["state"]) == ("one", "active", "stalled")
    world.tick()
    assert world.lane("one") == "done"
    assert world.events("one") == ["submit", "start", "release", "start", "deliver", "finish"]
    assert world.journal("one")[2].failure is None
    assert world.status() == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_a_folder_in_path_that_this_user_may_not_see_is_passed_over(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    (closed / "bin").mkdir(parents=True)
    closed.chmod(0)
    monkeypatch.setenv("PATH", f"{closed}/bin:{os.environ['PATH']}")
    world.item("one")
    world.tick()
    closed.chmod(0o700)
    assert world.lane("one") == "done"


ENDINGS: dict[str, str] = {
    "blocked": 'printf \'{"status": "blocked", "question": "Which one?"}\' > $FACTORY_OUT/result.json',
    "refused": 'printf \'{"status": "refused", "summary": "No."}\' > $FACTORY_OUT/result.json',
    "failed": "exit 3",
    "killed": "kill -9 $$",
    "too long": "sleep 60",
    "a result that cannot be read": "echo '{' > $FACTORY_OUT/result.json",
    "nothing changed": "true",
}


@pytest.mark.parametrize("how", ENDINGS)
def test_a_run_keeps_the_files_that_its_contract_asks_for_however_it_ends(world: World, how: str) -> None:
    key = "AKIA" + "IOSFODNN7EXAMPLF"
    script = (
        f"cd $FACTORY_OUT; echo why > report.md; echo {key} > log.md; head -c 3000 /dev/zero > big.md; echo > odd.md"
    )
    produces = {"files": [{"path": name, "max_kb": 1, "required": False} for name in ("report.md", "log.md", "big.md")]}
    limits = {"minutes": 0.02}
    world.contract(
        "reports", worker={"run": ["sh", "-c", f"{script}; {ENDINGS[how]}"]}, produces=produces, limits=limits
    )
    world.item("one", contract="reports")
    world.tick()
    kept = {
        path.removeprefix("run-1/files/"): text for path, text in world.artifacts("one").items() if "/files/" in path
    }
    # within the contract's limits, and without what looks like a secret
    assert sorted(kept) == ["log.md", "report.md"]
    assert kept["report.md"] == "why"
    assert key not in kept["log.md"]
    world.command("audit")
