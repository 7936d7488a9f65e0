"""Bounds: what others than a repository's owner allow it comes before what its own policy says."""

from collections.abc import Mapping

from factory.line.orchestrator import Orchestrator
from factory.line.tick import tick
from factory.model.bounds import Bounds
from factory.model.policy import DayBudget, Policy
from factory.model.symphony import Workspace
from factory.store.repository.repository import Repository
from tests.world import World, say_nothing


def test_the_smaller_budget_counts() -> None:
    for fleet, own, smaller in [(5, None, 5), (5, 9, 5), (9, 5, 5), (None, 5, 5), (None, None, None)]:
        bounds = Bounds(foreign=True, budget=DayBudget(usd_per_day=fleet))
        assert bounds.bound(Policy(budget=DayBudget(usd_per_day=own))).budget.usd_per_day == smaller
    careless = Policy(budget=DayBudget(usd_per_day=3, unknown="allow"))
    assert Bounds(foreign=True, budget=DayBudget(usd_per_day=5)).bound(careless).budget.unknown == "block"
    assert Bounds(foreign=True).bound(careless).budget.unknown == "allow"
    assert Bounds().bound(careless) == careless


def test_a_policy_cannot_say_what_is_for_the_fleet_to_say() -> None:
    policy = Policy(sandbox="off", workspace=Workspace(root="/srv/other", keep=True), secret_scan=("scan",))
    bounds = Bounds(foreign=True, sandbox="auto")
    bound = bounds.bound(policy)
    assert (bound.sandbox, bound.workspace, bound.secret_scan) == ("auto", Workspace(keep=True), "builtin")
    assert len(list(bounds.overruled(policy))) == 3 and not list(bounds.overruled(Policy()))
    assert bounds.bound(Policy(sandbox="required")).sandbox == "required"
    assert bounds.bound(Policy(secret_scan="off")).secret_scan == "off"


def test_nothing_more_starts_when_the_budget_of_the_fleet_is_used_up(world: World) -> None:
    done: list[Mapping[str, object]] = [
        {"write": {"path": "a.txt", "text": "a\n"}},
        {"result": {"usage": {"usd": 2.0}}},
    ]
    world.policy("agent: {max_concurrent_agents: 1}")
    world.item("one", done, text="priority: 1\n")
    world.item("two")
    repository = Repository(world.root)
    try:
        bounds = Bounds(foreign=True, budget=DayBudget(usd_per_day=1))
        orchestrator = Orchestrator(repository, say_nothing, bounds=bounds)
        with orchestrator.holding():
            orchestrator.one_pass(most=0)
            while world.lane("one") != "done":
                tick(orchestrator)
            report = tick(orchestrator)
    finally:
        repository.close()
    [entry] = report.schedule
    assert entry.reason == "waits until tomorrow: 2.00 of 1.00 USD a day are used up"
