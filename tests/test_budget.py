"""Budgets: of an item and of a day, added up from journals."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from factory.model.failure import FailureClass
from factory.model.result import Usage
from tests.world import World

NOON = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
ADVICE = "raise its budget in the item, or the day's in WORKFLOW.md, or cancel it"
Steps = list[dict[str, object]]


def work(item_id: str, usd: float = 0.0, tokens: int = 0, **result: object) -> Steps:
    """A run that changes a file and says what it cost."""
    usage = {"usd": usd, "input_tokens": tokens}
    return [
        {"write": {"path": f"{item_id}.txt", "text": f"{item_id}\n"}},
        {"result": {"usage": usage, "confidence": 1.0, **result}},
    ]


def failing(usd: float = 0.0, tokens: int = 0) -> Steps:
    return [{"result": {"status": "failed", "usage": {"usd": usd, "input_tokens": tokens}}}]


def spending(usage: str) -> Steps:
    """A run that writes its usage as it goes on, and would go on for long."""
    return [{"out": {"path": "usage.json", "text": usage}}, {"say": "at work"}, {"sleep": 30}]


def raise_budget(world: World, old: str, new: str, item_id: str = "one") -> None:
    place = world.root / f"queue/blocked/{item_id}.yaml"
    place.write_text(place.read_text().replace(old, new))
    world.move(item_id, "queue/inbox")


@pytest.mark.parametrize(
    ("budget", "first", "said"),
    [
        ("usd: 1.0", failing(usd=1.0), "its budget is used up: 1.00 of 1.00 USD"),
        ("tokens: 1000", failing(tokens=1200), "its budget is used up: 1200 of 1000 tokens"),
    ],
)
def test_nothing_starts_over_budget(world: World, budget: str, first: Steps, said: str) -> None:
    world.item("one", first, work("one"), text=f"budget: {{{budget}}}\n")
    world.now = NOON
    world.tick()
    assert world.events("one") == ["submit", "start", "release"]
    world.now += timedelta(minutes=1)
    world.tick()
    last = world.last("one")
    assert (world.lane("one"), last.failure) == ("blocked", FailureClass.BUDGET)
    assert last.reason == f"{said}; {ADVICE}"
    assert world.events("one").count("start") == 1


def test_minutes_are_used_up_by_the_runs_before(world: World) -> None:
    world.item("one", [{"sleep": 0.4}, {"exit": 1}], work("one"), text="budget: {minutes: 0.005}\n")
    world.now = NOON
    world.tick()
    # the first run had 0.3 s
    last = world.last("one")
    assert (world.lane("one"), last.failure) == ("blocked", FailureClass.BUDGET)
    assert "the worker was stopped after 0.005 minutes, which were left of the item's budget" in str(last.reason)
    # moved back as it is, it does not even start
    world.move("one", "queue/inbox")
    world.tick()
    assert "its budget is used up: 0.0 of 0.005 minutes" in str(world.last("one").reason)
    assert world.events("one").count("start") == 1
    # with more of it, it goes on
    raise_budget(world, "minutes: 0.005", "minutes: 5")
    world.tick()
    assert world.lane("one") == "done"


def test_minutes_beyond_the_contracts_leave_the_contracts_limit(world: World) -> None:
    script = "while :; do echo busy; sleep 0.05; done"
    world.contract("long", worker={"run": ["sh", "-c", script]}, limits={"minutes": 0.01})
    world.item("one", contract="long", text="budget: {minutes: 5}\n")
    world.tick()
    assert world.last("one").failure is FailureClass.TIMEOUT


@pytest.mark.parametrize(
    ("budget", "usage", "said"),
    [
        ("usd: 0.5", '{"usd": 0.75}', "0.75 USD, and 0.50 were left of the item's budget or the day's"),
        ("tokens: 100", '{"input_tokens": 90, "output_tokens": 20}', "110 tokens, and 100 were left"),
    ],
)
def test_a_running_worker_that_uses_too_much_is_stopped(world: World, budget: str, usage: str, said: str) -> None:
    world.item("one", spending(usage), work("one"), text=f"budget: {{{budget}}}\n")
    world.tick()
    last = world.last("one")
    assert (world.lane("one"), last.failure) == ("blocked", FailureClass.BUDGET)
    assert f"the worker was stopped: it used {said}" in str(last.reason)
    assert str(last.reason).endswith(ADVICE)
    assert last.usage == Usage.model_validate_json(usage)  # and counts
    assert "at work" in world.artifacts("one")["run-1/output.log"]


def test_what_earlier_runs_used_is_not_left_for_the_next(world: World) -> None:
    world.item("one", failing(usd=0.4), spending('{"usd": 0.2}'), text="budget: {usd: 0.5}\n")
    world.now = NOON
    world.tick()
    world.now += timedelta(minutes=1)
    world.tick()
    assert "0.20 USD, and 0.10 were left" in str(world.last("one").reason)


def test_raising_the_budget_and_moving_it_back_lets_it_go_on(world: World) -> None:
    world.item("one", spending('{"usd": 0.75}'), work("one", usd=0.1), text="budget: {usd: 0.5}\n")
    world.tick()
    assert world.lane("one") == "blocked"
    raise_budget(world, "usd: 0.5", "usd: 5")
    world.tick()
    assert world.lane("one") == "done"
    assert sum(entry.usage.spent for entry in world.journal("one") if entry.usage) == pytest.approx(0.85)


@pytest.mark.parametrize("text", ["", "{", '{"usd": -1}', '{"usd": 9}' + " " * 5000, "[9]", '{"usd": "a lot"}'])
def test_a_usage_file_that_makes_no_sense_says_nothing(world: World, text: str) -> None:
    world.item("one", [{"out": {"path": "usage.json", "text": text}}, *work("one")], text="budget: {usd: 0.5}\n")
    world.tick()
    assert world.lane("one") == "done"


def test_a_usage_file_that_is_too_large_says_nothing_while_the_worker_runs_either(world: World) -> None:
    steps: Steps = [{"out": {"path": "usage.json", "text": '{"usd": 9}' + " " * 5000}}, {"sleep": 1.5}]
    world.item("one", [*steps, *work("one")], text="budget: {usd: 0.5}\n")
    world.tick()
    assert world.lane("one") == "done"


def test_the_usage_file_counts_when_the_result_says_nothing_of_it(world: World) -> None:
    steps: Steps = [{"out": {"path": "usage.json", "text": '{"usd": 0.25}'}}, {"result": {}}]
    world.item("one", [{"write": {"path": "one.txt", "text": "1\n"}}, *steps])
    world.item("two", [{"out": {"path": "usage.json", "text": '{"usd": 0.25}'}}, {"exit": 1}])
    world.tick()
    for item_id in ("one", "two"):
        assert [entry.usage.usd for entry in world.journal(item_id) if entry.usage] == [0.25]


def test_a_run_that_was_stopped_from_outside_counts_too(world: World) -> None:
    world.item("one", spending('{"usd": 0.75}'), text="budget: {usd: 5}\n")
    process = world.start("tick")
    world.until(lambda: usage_is_written(world))
    process.send_signal(2)
    process.communicate(timeout=20)
    last = world.last("one")
    assert (last.event, last.failure) == ("release", None)
    assert last.usage is not None and last.usage.usd == 0.75


def usage_is_written(world: World) -> bool:
    """Whether a worker has told of its usage, and goes on working."""
    files = [Path(record.read_text()) / "out/usage.json" for record in (world.root / ".git/factory/cells").glob("*")]
    return any(file.exists() and file.stat().st_size for file in files)


def test_a_days_budget_lets_everything_wait_until_midnight_and_go_on(world: World) -> None:
    world.policy("budget: {usd_per_day: 1.0}\nagent: {max_concurrent_agents: 1}")
    world.now = NOON
    world.item("a", work("a", usd=0.6), text="priority: 1\n")
    world.item("b", failing(usd=0.5), work("b", usd=0.1), text="priority: 2\n")
    world.item("c", work("c"), text="priority: 3\n")
    world.tick()
    world.tick()
    # failed runs count, and finished items do
    report = world.tick()
    outlook = {outlook.id: outlook for outlook in report.schedule}
    assert outlook["c"].reason == "waits until tomorrow: 1.10 of 1.00 USD a day are used up"
    assert outlook["c"].until == datetime(2026, 11, 22, tzinfo=UTC)
    world.now = datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC)
    assert world.tick().commits == 0
    assert (world.lane("b"), world.lane("c")) == ("inbox", "inbox")
    world.now = datetime(2026, 11, 22, 0, 0, 1, tzinfo=UTC)
    world.tick(drain=True)
    assert (world.lane("b"), world.lane("c")) == ("done", "done")


def test_a_higher_days_budget_lets_them_go_on_at_once(world: World) -> None:
    world.policy("budget: {usd_per_day: 1.0}")
    world.now = NOON
    world.item("a", work("a", usd=2))
    world.tick()
    world.item("b", work("b"))
    world.tick()
    assert world.lane("b") == "inbox"
    world.policy("budget: {usd_per_day: 10.0}")
    world.tick()
    assert world.lane("b") == "done"


def test_doctor_says_what_is_used_up_today(world: World) -> None:
    world.policy("budget: {usd_per_day: 1.0}")
    world.item("a", work("a", usd=2))
    world.tick()  # with the clock of this machine, which is also doctor's
    said = world.command("doctor", status=1)
    assert "budget: 2.00 of 1.00 USD are used up today" in said
    assert "raise budget.usd_per_day in WORKFLOW.md" in said


def test_a_running_worker_that_goes_beyond_the_day_is_stopped_too(world: World) -> None:
    world.policy("budget: {usd_per_day: 0.5}")
    world.item("one", spending('{"usd": 0.75}'))
    world.tick()
    last = world.last("one")
    assert (world.lane("one"), last.failure) == ("blocked", FailureClass.BUDGET)
    assert "it used 0.75 USD, and 0.50 were left of the item's budget or the day's" in str(last.reason)


def test_checks_do_not_count_as_minutes(world: World) -> None:
    world.contract("checked", checks=[{"name": "slow", "run": ["sleep", "0.5"]}])
    world.item("one", contract="checked", text="budget: {minutes: 1}\n")
    world.tick()
    seconds = [entry.seconds for entry in world.journal("one") if entry.seconds is not None]
    assert len(seconds) == 1 and seconds[0] < 0.5


def test_a_cost_that_nobody_told_is_unknown_and_not_zero(world: World) -> None:
    world.item("silent")
    world.item("tokens", [{"write": {"path": "t.txt", "text": "t\n"}}, {"result": {"usage": {"input_tokens": 7}}}])
    world.item("free", [{"write": {"path": "f.txt", "text": "f\n"}}, {"result": {"usage": {"usd": 0.0}}}])
    world.item("paid", [{"write": {"path": "p.txt", "text": "p\n"}}, {"result": {"usage": {"usd": 0.25}}}])
    world.tick(drain=True)
    for item_id, shown in (
        ("silent", "USD unknown"),
        ("tokens", "USD unknown"),
        ("free", "0.00 USD"),
        ("paid", "0.25 USD"),
    ):
        assert shown in world.command("show", item_id)
