"""Costs: what an agent says counts, else the prices of its model's tokens, marked; and unknown is never free."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from factory.model.failure import FailureClass
from factory.model.prices import Price, estimated
from factory.model.result import MOST_USD, Usage
from tests.test_agent_programs import stand_in
from tests.world import World

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
PRICE = {"input": 10.0, "output": 50.0, "cached_input": 1.0, "cache_write": 12.5}
CACHED = {"input_tokens": 1_000_000, "cached_input_tokens": 700_000, "cache_write_input_tokens": 200_000}


def codex(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, usage: dict[str, int], more: str = "") -> None:
    """Let a stand-in for Codex, which never says what it cost, do the work, and say what it used."""
    ended = {"type": "turn.completed", "usage": usage} if usage else {"type": "turn.completed"}
    stand_in(tmp_path / "bin", monkeypatch, "codex", f"{json.dumps(ended)}\n".encode(), 0, "echo x > a.txt")
    world.policy(f"agents: {{it: {{kind: codex, model: big}}}}\n{more}")
    world.contract("scripted", worker={"agent": "it"}, confidence=0)


def test_tokens_from_a_cache_and_into_one_are_priced_apart() -> None:
    usage = Usage(input_tokens=1_000_000, cached_input_tokens=700_000, cache_write_tokens=200_000, output_tokens=20_000)
    assert Price.model_validate(PRICE).of(usage) == pytest.approx(100_000 * 10e-6 + 0.7 + 2.5 + 1.0)
    assert Price(input=10, output=50).of(usage) == pytest.approx(11.0)
    assert usage.tokens == 1_020_000  # those of a cache are among those that were read


def test_what_an_agent_says_comes_before_prices_and_nothing_is_made_of_nothing() -> None:
    price = Price(input=1, output=1)
    said = Usage(input_tokens=5, usd=0.25)
    assert estimated(said, price) is said
    assert estimated(Usage(input_tokens=5), None).usd is None
    assert estimated(Usage(), price).usd is None
    assert estimated(Usage(input_tokens=10**10), Price(input=1e6, output=1)).usd == MOST_USD


def test_a_sum_of_which_a_part_is_unknown_or_estimated_says_so() -> None:
    total = Usage(usd=1.0).plus(Usage(usd=0.5, estimated=True)).plus(Usage(input_tokens=1, incomplete=True))
    assert (total.usd, total.estimated, total.incomplete) == (1.5, True, True)


def test_an_estimate_is_marked_in_the_journal_and_for_people(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codex(world, tmp_path, monkeypatch, {**CACHED, "output_tokens": 20_000}, f"prices: {{big: {json.dumps(PRICE)}}}")
    world.item("one", text="budget: {usd: 9}\n")
    world.tick()
    assert world.lane("one") == "done"
    (usage,) = [entry.usage for entry in world.journal("one") if entry.usage]
    assert (usage.usd, usage.estimated, usage.incomplete) == (5.2, True, False)
    assert (usage.cached_input_tokens, usage.cache_write_tokens) == (700_000, 200_000)
    assert "5.20 USD, estimated from prices" in world.command("show", "one")
    world.command("audit")


def test_without_a_price_it_is_unknown_and_never_nought(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codex(world, tmp_path, monkeypatch, {"input_tokens": 200, "output_tokens": 20})
    world.item("one")
    world.tick()
    (usage,) = [entry.usage for entry in world.journal("one") if entry.usage]
    assert (usage.tokens, usage.usd) == (220, None)
    said = world.command("show", "one")
    assert "USD unknown: no run has said" in said and "0.00" not in said
    shown = json.loads(world.command("show", "one", "--json"))
    assert shown["usage"]["usd"] is None and shown["cost"].startswith("USD unknown")


@pytest.mark.parametrize(("rule", "lane"), [("block", "blocked"), ("allow", "inbox")])
def test_an_item_with_a_budget_does_not_go_on_after_a_run_of_unknown_cost_unless_that_is_allowed(
    world: World, rule: str, lane: str
) -> None:
    agents = {"it": {"kind": "command", "run": ["factory-scripted"]}}
    world.policy(f"agents: {json.dumps(agents)}\nbudget: {{unknown: {rule}}}")
    world.contract("scripted", worker={"agent": "it"})
    world.now = NOON
    world.item("one", [{"exit": 1}], [{"exit": 1}], text="budget: {usd: 9}\n")
    world.tick()
    world.now += timedelta(minutes=1)
    world.tick()
    assert world.lane("one") == lane
    if rule == "block":
        last = world.last("one")
        assert last.failure is FailureClass.BUDGET
        assert "its budget in USD cannot be held: what 1 run of it cost is unknown; give the model's `prices`" in str(
            last.reason
        )
    world.command("audit")


def test_a_day_with_a_budget_ends_with_a_run_of_unknown_cost(world: World) -> None:
    agents = {"it": {"kind": "command", "run": ["factory-scripted"]}}
    world.policy(f"agents: {json.dumps(agents)}\nbudget: {{usd_per_day: 9}}")
    world.contract("scripted", worker={"agent": "it"})
    world.now = NOON
    world.item("one")
    world.tick()
    world.item("two")
    (waiting,) = world.tick().schedule
    assert waiting.until == datetime(2026, 12, 1, tzinfo=UTC)
    assert waiting.reason.startswith(
        "waits until tomorrow: what 1 run of today cost is unknown, and a day has a budget"
    )
    world.now += timedelta(days=1)
    world.tick()
    assert world.lane("two") == "done"


def test_what_an_account_refuses_costs_nothing_and_a_command_is_no_model(world: World) -> None:
    agents = {"it": {"kind": "command", "run": ["factory-scripted"]}}
    world.policy(f"agents: {json.dumps(agents)}\nbudget: {{usd_per_day: 9}}")
    world.contract("scripted", worker={"agent": "it"})
    world.contract("command")
    world.item("one", [{"result": {"status": "failed", "failure": "auth", "summary": "no"}}])
    world.item("two", contract="command")
    world.tick()
    world.item("three", contract="command")
    world.tick()
    assert world.lane("three") == "done"
