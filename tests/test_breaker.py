"""Circuit breakers: a contract that keeps failing is given a rest, then tried with one item, and goes on."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from factory.model.breaker import BreakerState, State
from factory.store import yaml
from factory.store.system import MACHINE
from tests.world import World

START = datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC)
CRASH: list[dict[str, object]] = [{"say": "out of luck"}, {"exit": 1}]
FILE = "queue/breakers/scripted.yaml"
WRITE: list[dict[str, object]] = [{"write": {"path": "good.txt", "text": "good\n"}}]


def breaker(world: World, contract: str = "scripted") -> BreakerState:
    path = f"queue/breakers/{contract}.yaml"
    return yaml.load(BreakerState, yaml.Source(path, world.git("show", f"main:{path}").encode()))


def there_is_none(world: World) -> bool:
    return "queue/breakers" not in world.git("ls-tree", "-r", "--name-only", "main")


def fail(world: World, count: int = 5) -> None:
    """As many items, each of which fails once, all in one pass; they are tried again in a week."""
    world.policy("retry: {initial_ms: 604800000}\nagent: {max_retry_backoff_ms: 604800000}")
    for number in range(count):
        world.item(f"bad-{number}", CRASH)
    world.now = world.now or START
    world.tick()


def waits(world: World, item_id: str) -> str:
    return {outlook.id: outlook for outlook in world.tick().schedule}[item_id].reason


def test_five_failures_of_several_items_open_it(world: World) -> None:
    fail(world, 4)
    assert there_is_none(world)
    world.item("bad-4", CRASH)
    world.tick()
    state = breaker(world)
    assert (state.state, state.failures, state.since) == (State.OPEN, 5, START)
    assert state.until == START + timedelta(minutes=30)
    assert state.reason == "bad-4: crash: the worker ended with exit status 1: out of luck"


def test_five_failures_of_one_item_open_it(world: World) -> None:
    world.contract("patient", retry={"max_attempts": 9})
    world.item("one", CRASH, contract="patient")
    world.now = START
    for _ in range(5):
        assert there_is_none(world)
        world.tick()
        world.now = world.last("one").not_before or world.now
    assert breaker(world, "patient").failures == 5
    assert "the breaker of the contract patient is open" in waits(world, "one")


def test_failures_outside_the_window_do_not_count(world: World) -> None:
    fail(world, 4)
    world.now = START + timedelta(minutes=31)
    world.item("late", CRASH)
    world.tick()
    assert there_is_none(world)


def test_the_rule_is_the_policys(world: World) -> None:
    world.policy("breaker: {failures: 2, window_minutes: 5, cooldown_minutes: 3}")
    world.now = START
    world.item("a", CRASH)
    world.item("b", CRASH)
    world.tick()
    assert breaker(world).until == START + timedelta(minutes=3)


def test_the_file_says_it_in_plain_text_and_is_committed_with_the_move(world: World) -> None:
    fail(world)
    commit = world.git("log", "-1", "--format=%H", "--", FILE)
    changed = world.git("show", "--format=", "--name-only", commit).split("\n")
    assert FILE in changed
    assert [path for path in changed if path.startswith("queue/inbox/bad-")]
    assert [path for path in changed if path.endswith("journal.jsonl")]
    text = world.read(FILE)
    assert text.startswith("# 5 failures of the contract scripted in a short time. While this says open,\n")
    assert "Set `state: closed` to let all go on." in text
    assert "state: open\n" in text and "until: 2026-11-21T10:30:00Z\n" in text
    assert world.status() == ""


def test_status_and_doctor_say_so(world: World) -> None:
    fail(world)
    said = world.command("status")
    assert "breaker of scripted: open until 2026-11-21T10:30:00Z after 5 failures: bad-" in said
    (shown,) = json.loads(world.command("status", "--json"))["breakers"]
    assert (shown["contract"], shown["state"], shown["failures"]) == ("scripted", "open", 5)
    assert shown["until"] == "2026-11-21T10:30:00Z"
    doctor = world.command("doctor", status=1)
    assert "breaker scripted: open until 2026-11-21T10:30:00Z after 5 failures; the last: bad-" in doctor
    assert "set `state: closed` in queue/breakers/scripted.yaml" in doctor


def test_nothing_of_the_contract_starts_while_it_is_open_and_others_do(world: World) -> None:
    fail(world)
    world.now = START + timedelta(minutes=29)
    world.item("new", WRITE)
    world.item("other", contract="reviewed")
    reason = waits(world, "new")
    assert reason.startswith("waits: the breaker of the contract scripted is open until 2026-11-21T10:30:00Z: bad-")
    assert (world.lane("new"), world.lane("other")) == ("inbox", "review")


def test_after_cooling_exactly_one_is_tried_and_the_others_wait_for_it(world: World) -> None:
    fail(world)
    world.now = START + timedelta(minutes=31)
    world.item("a", [{"result": {"status": "failed", "failure": "network", "summary": "still down"}}])
    world.item("b", WRITE)
    report = world.tick()
    outlook = {outlook.id: outlook for outlook in report.schedule}
    assert outlook["a"].start is True
    assert outlook["b"].reason == "waits: the contract scripted is being tried with a"
    assert world.events("a") == ["submit", "start", "release"]
    assert world.events("b") == []
    # and since it failed, it is open again, for as long
    state = breaker(world)
    assert (state.state, state.since, state.until) == (
        State.OPEN,
        START + timedelta(minutes=31),
        START + timedelta(minutes=61),
    )
    assert state.reason == "a: network: still down"
    # what it was between is in the history
    states = world.git("log", "--reverse", "--format=", "-p", "--", FILE)
    assert "+state: half-open" in states and "+trial: a" in states


def test_a_trial_that_goes_well_closes_it(world: World) -> None:
    fail(world)
    world.now = START + timedelta(minutes=31)
    world.item("a", WRITE)
    world.item("b", [{"write": {"path": "b.txt", "text": "b\n"}}])
    world.tick()
    assert (world.lane("a"), world.lane("b")) == ("done", "inbox")
    assert (breaker(world).state, breaker(world).trial) == (State.CLOSED, None)
    assert "breaker of" not in world.command("status")
    assert json.loads(world.command("status", "--json"))["breakers"] == []
    assert "breaker scripted: closed since" in world.command("doctor", status=None)
    world.tick()
    assert world.lane("b") == "done"


def test_what_opened_it_does_not_open_it_again(world: World) -> None:
    fail(world)
    world.now = START + timedelta(minutes=31)
    world.item("a", WRITE)
    world.tick()
    # when one fails after it was closed
    world.item("b", CRASH)
    world.tick()
    assert breaker(world).state is State.CLOSED


@pytest.mark.parametrize(
    "steps",
    [
        [{"result": {"status": "refused", "summary": "not me"}}],
        [],  # empty: the worker's own fault
        [{"result": {"status": "blocked", "question": "which one?"}}],
    ],
)
def test_a_trial_that_fails_by_itself_closes_it_too(world: World, steps: list[dict[str, object]]) -> None:
    # the worker could be reached and did answer, which is what the trial is about
    fail(world)
    world.now = START + timedelta(minutes=31)
    world.item("a", steps)
    world.tick()
    assert breaker(world).state is State.CLOSED


@pytest.mark.parametrize(
    "steps",
    [
        [{"result": {"status": "refused", "summary": "not me"}}],
        [{"result": {"status": "failed", "failure": "max_turns"}}],
        [{"write": {"path": "queue/inbox/evil.yaml", "text": "title: t\n"}}],
        [],
        [{"exit": 64}],
    ],
)
def test_refusals_and_breaches_do_not_count(world: World, steps: list[dict[str, object]]) -> None:
    world.now = START
    for number in range(6):
        world.item(f"bad-{number}", steps)
    world.tick()
    assert there_is_none(world)


@pytest.mark.parametrize("kind", ["auth", "billing", "config", "model_not_found", "rate_limit", "overloaded", "server"])
def test_what_the_next_item_would_meet_too_counts(world: World, kind: str) -> None:
    world.now = START
    for number in range(5):
        world.item(f"bad-{number}", [{"result": {"status": "failed", "failure": kind}}])
    world.tick()
    assert breaker(world).state is State.OPEN
    assert f": {kind}: " in breaker(world).reason


def test_an_item_that_recovers_wipes_its_failures_out(world: World) -> None:
    world.policy("breaker: {failures: 2}")
    world.now = START
    world.item("a", CRASH, WRITE)
    world.tick()
    world.now += timedelta(minutes=1)
    world.tick()
    assert world.lane("a") == "done"
    world.item("b", CRASH)
    world.tick()
    assert there_is_none(world)


@pytest.mark.parametrize("minutes", [1, 31])
def test_a_person_closes_it_by_an_edit_and_a_commit(world: World, minutes: int) -> None:
    fail(world)
    world.now = START + timedelta(minutes=minutes)
    world.item("a", WRITE)
    world.item("b", [{"write": {"path": "b.txt", "text": "b\n"}}])
    world.write(FILE, world.read(FILE).replace("state: open", "state: closed"))
    world.commit("The mirror is up again")
    world.tick()
    assert (world.lane("a"), world.lane("b")) == ("done", "done")
    # and it takes as many failures as ever to open it again
    world.item("c", CRASH)
    world.tick()
    assert breaker(world).state is State.CLOSED


@pytest.mark.parametrize("deleted", [False, True], ids=["edited", "deleted"])
def test_what_a_person_saves_counts_with_the_next_tick(world: World, deleted: bool) -> None:
    fail(world)
    place = world.root / FILE
    if deleted:
        place.unlink()
    else:
        place.write_text(place.read_text().replace("state: open", "state: closed"))
    world.item("good")
    world.tick()
    assert world.lane("good") == "done"
    assert world.status() == ""


def test_what_a_person_saves_is_taken_for_no_item_until_then(world: World) -> None:
    fail(world)
    place = world.root / FILE
    place.write_text(place.read_text().replace("state: open", "state: closed"))
    world.item("good")
    rows = json.loads(world.command("status", "--json"))
    assert rows["problems"] == []
    assert "good" in world.command("status")


def test_a_person_may_delete_the_file_as_well(world: World) -> None:
    fail(world)
    world.git("rm", "-q", FILE)
    world.git("commit", "-q", "-m", "Forget it")
    world.item("a", WRITE)
    world.now = START + timedelta(minutes=1)
    world.tick()
    assert world.lane("a") == "done"


def test_a_file_that_cannot_be_read_is_named_and_counts_as_closed(world: World) -> None:
    world.write(FILE, "state: ajar\n")
    world.commit("By mistake")
    world.item("a", WRITE)
    report = world.tick()
    assert world.lane("a") == "done"
    assert any(problem.path == FILE for problem in report.problems)


def test_a_trial_that_is_interrupted_is_given_to_another(world: World) -> None:
    world.now = MACHINE.now()  # the program itself knows no other clock
    fail(world)
    world.now = None
    world.write(FILE, re.sub(r"until: \d+", "until: 2025", world.read(FILE)))  # it cools at once
    world.commit("Sooner")
    world.item("a", [{"say": "begun"}, {"sleep": 60}], WRITE)
    process = world.start("tick")
    world.until(lambda: (world.root / ".git/factory/heartbeats/a").exists())
    assert (breaker(world).state, breaker(world).trial) == (State.HALF_OPEN, "a")
    assert "half-open, tried with a after 5 failures" in world.command("status")
    process.send_signal(2)
    process.communicate(timeout=20)
    assert breaker(world).state is State.HALF_OPEN
    world.tick()
    assert (world.lane("a"), breaker(world).state) == ("done", State.CLOSED)
