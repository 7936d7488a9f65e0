"""Roles: which agents work and judge, by label, contract, round and attempt, and who goes on where one cannot."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from factory.model.breaker import State
from factory.model.policy import Policy
from factory.model.roles import Role, Situation
from factory.model.unknown_keys import unknown_keys
from tests.test_agent_programs import stand_in
from tests.test_seats import REVIEWER
from tests.test_usage_limits import breaker
from tests.world import World

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
SECOND: dict[str, object] = {"write": {"path": "one.txt", "text": "better\n"}}
REVIEW = {"name": "critic", "kind": "agent", "role": "review"}


def command(run: list[str], **more: object) -> dict[str, object]:
    return {"kind": "command", "run": run, **more}


def cast(world: World, roles: object, agents: dict[str, dict[str, object]], more: str = "") -> None:
    world.policy(f"roles: {json.dumps(roles)}\nagents: {json.dumps(agents)}\n{more}")


def workers(world: World, item_id: str = "one") -> list[str | None]:
    return [entry.worker for entry in world.journal(item_id) if entry.worker]


def test_the_agents_of_a_role_are_those_that_take_the_item_in_turn() -> None:
    work = [
        {"agent": "local", "rounds": [1]},
        {"agent": "careful", "labels": ["security"], "contracts": ["change"]},
        {"agent": "stubborn", "attempts": [2, 3]},
        "frontier",
    ]
    policy = Policy.model_validate({"roles": {"work": work, "review": "critic", "plan": ["a", "b", "a"]}})
    assert policy.agents_of(Role.WORK, Situation()) == ("local", "frontier")
    assert policy.agents_of(Role.WORK, Situation(round=2)) == ("frontier",)
    assert policy.agents_of(Role.WORK, Situation(("bug", "security"), "change", 2)) == ("careful", "frontier")
    assert policy.agents_of(Role.WORK, Situation(("security",), "other", 2, 2)) == ("stubborn", "frontier")
    assert policy.agents_of(Role.REVIEW, Situation()) == ("critic",)
    assert policy.agents_of(Role.PLAN) == ("a", "b")
    assert policy.agents_of(Role.TEST) == policy.agents_of(None) == ()


def test_a_key_that_a_role_does_not_know_is_told() -> None:
    assert unknown_keys({"roles": {"work": [{"agent": "a", "round": [1]}, "b"]}}) == [("roles", "work", 0, "round")]


def test_a_local_model_works_first_the_frontier_in_the_second_round_and_another_judges(world: World) -> None:
    # a reviewer that wants a second round
    wants = 'verdict |= {"decision": "approve" if "better" in patch.decode() else "rework", "notes": "do it better"}'
    reviewer = command(["python3", "-c", REVIEWER.replace("verdict |= json.loads(sys.argv[1])", wants)])
    agents = {"local": command(["factory-scripted"]), "frontier": command(["factory-scripted"]), "vendor": reviewer}
    roles = {"work": [{"agent": "local", "rounds": [1]}, {"agent": "frontier"}], "review": "vendor"}
    cast(world, roles, agents)
    seats = [{"name": "tests", "kind": "checks"}, REVIEW]
    world.contract("scripted", worker={"role": "work"}, review={"seats": seats})
    world.item("one", [{"write": {"path": "one.txt", "text": "good\n"}}], [SECOND])
    world.tick(drain=True)
    assert world.lane("one") == "done"
    assert workers(world) == ["local", "frontier"]
    assert [each.reviewer for each in world.last("one").verdicts] == ["vendor (agent)"]
    world.command("check")
    world.command("audit")


def test_nobody_of_a_role_judges_what_they_made_themselves(world: World) -> None:
    says = REVIEWER.replace("verdict |= json.loads(sys.argv[1])", 'verdict |= {"decision": "approve"}')
    both = f"import os\nif 'FACTORY_PATCH' not in os.environ: open('a.txt', 'w').write('a')\nelse:\n exec({says!r})"
    agents = {name: command(["python3", "-c", both]) for name in ("first", "second")}
    cast(world, {"work": ["first", "second"], "review": ["first", "second"]}, agents)
    seats = [{"name": "tests", "kind": "checks"}, REVIEW]
    world.contract("scripted", worker={"role": "work"}, review={"seats": seats})
    world.item("one")
    world.tick(drain=True)
    assert (world.lane("one"), workers(world)) == ("done", ["first"])
    assert [each.reviewer for each in world.last("one").verdicts] == ["second (agent)"]
    world.command("audit")


def test_a_role_without_anybody_for_an_item_is_a_matter_for_a_person(world: World) -> None:
    cast(world, {"work": [{"agent": "a", "labels": ["bug"]}]}, {"a": command(["factory-scripted"])})
    world.contract("scripted", worker={"role": "work"})
    world.item("one")
    world.item("two", text="labels: [bug]\n")
    world.tick()
    assert (world.lane("one"), world.lane("two")) == ("blocked", "done")
    assert "one of the role work, in which WORKFLOW.md has nobody for it" in str(world.last("one").reason)


def test_check_names_an_agent_of_a_role_that_is_not_there(world: World) -> None:
    cast(world, {"work": ["a", "nobody"]}, {"a": command(["factory-scripted"])})
    assert "names the agent 'nobody', which is not under 'agents'" in world.command("check", status=1)


_LIMIT = {"type": "result", "is_error": True, "subtype": "success", "result": "usage limit reached|1796065670"}


@pytest.mark.parametrize("second", [True, False], ids=["another is left", "nobody is left"])
def test_a_judge_at_its_limit_is_left_alone_and_nobody_is_blocked_for_it(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: bool
) -> None:
    stand_in(tmp_path / "bin", monkeypatch, "claude", f"{json.dumps(_LIMIT)}\n".encode(), 1)
    says = REVIEWER.replace("verdict |= json.loads(sys.argv[1])", 'verdict |= {"decision": "approve"}')
    agents: dict[str, dict[str, object]] = {
        "worker": command(["factory-scripted"]),
        "limited": {"kind": "claude"},
        "other": command(["python3", "-c", says]),
    }
    cast(world, {"review": ["limited", "other"] if second else "limited"}, agents)
    seats = [{"name": "tests", "kind": "checks"}, REVIEW]
    world.contract("scripted", worker={"agent": "worker"}, review={"seats": seats})
    world.item("one")
    world.now = NOON
    world.tick(drain=True)
    file = "queue/breakers/agents/limited.yaml"
    assert (breaker(world, file).state, breaker(world, file).limited) == (State.OPEN, True)
    world.item("two")
    found = {each.id: each for each in world.tick(drain=True).schedule}
    if second:
        assert (world.lane("one"), world.lane("two")) == ("done", "done")
        assert [each.reviewer for each in world.last("two").verdicts] == ["other (agent)"]
    else:
        assert (world.lane("one"), world.events("two")) == ("inbox", [])
        assert (world.last("one").attempt, len(workers(world))) == (None, 1)
        reset = "the usage limit of the agent limited is reset at 2026-11-30T19:07:50Z"
        assert found["two"].reason == f"waits: {reset}, and nobody else can sit in the seat critic"
    world.command("audit")


def test_what_is_wrong_with_a_role_is_said_by_its_keys(world: World) -> None:
    cast(world, {"work": [{"agnt": "a"}]}, {"a": command(["factory-scripted"])})
    said = world.command("check", status=1)
    assert "roles.work.0.RoleAgent.agent' is missing" in said
    assert "constrained" not in said and "[union" not in said
