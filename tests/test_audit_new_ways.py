"""The audit says nothing of claims, machine seats, rounds, handoffs, apply commands and reverts that are honest."""

import json

from tests.test_rounds import begin, finding, send_back
from tests.test_seats import judged_by, seat
from tests.world import World


def assert_quiet(world: World) -> None:
    said = json.loads(world.command("audit", "--json"))
    assert said["violations"] == []


def violations(world: World) -> set[str]:
    return {each["rule"] for each in json.loads(world.command("audit", "--json", status=1))["violations"]}


LEFT: list[dict[str, object]] = [
    {"write": {"path": "one.txt", "text": "1\n"}},
    {"result": {"handoff": {"left_undone": ["the docs", "the tests"]}}},
]


def test_machine_seats_and_handoffs(world: World) -> None:
    judged_by(world, seat("critic"), {"name": "human", "kind": "human"})
    world.verdict("one", "approve")
    world.tick()
    world.item("two", LEFT)
    world.tick()
    world.item("three", [{"write": {"path": "three.txt", "text": "3\n"}}, LEFT[1]], contract="reviewed")
    world.tick()
    place = world.root / "queue/review/three.human.verdict.yaml"
    text = place.read_text().replace("U1: open", "U1: nobody reads the docs anyway").replace("U2: open", "U2: item")
    place.write_text(text.replace("decision: pending", "decision: approve"))
    world.tick()
    assert world.lane("three") == "done"
    assert_quiet(world)


def test_claims_that_do_not_hold_rounds_and_escalation(world: World) -> None:
    claim = {"result": {"handoff": {"commands": [{"run": ["false"], "exit_code": 0}]}}}
    world.item(
        "lie", [{"write": {"path": "a.txt", "text": "a\n"}}, claim], [{"write": {"path": "a.txt", "text": "b\n"}}]
    )
    world.tick(drain=True)
    begin(world, "one\n", "two\n", "three\n")
    send_back(world, finding(1, "wrong"))
    send_back(world, finding(1, "wrong"))
    assert (world.lane("lie"), world.lane("one")) == ("done", "blocked")
    assert_quiet(world)


def test_apply_commands_and_reverts(world: World) -> None:
    world.contract("outside", apply={"mode": "command", "run": ["true"]})
    world.item("told", contract="outside")
    world.item("one")
    world.tick()
    world.command("revert", "one")
    world.tick()
    assert [world.lane(each) for each in ("told", "one", "revert-one")] == ["done"] * 3
    assert_quiet(world)


def test_a_revert_that_conflicts(world: World) -> None:
    world.item("one")
    world.tick()
    world.write("one.txt", "changed since\n")
    world.commit("Changed since")
    world.command("revert", "one")
    world.tick(drain=True)
    assert world.lane("revert-one") == "blocked"
    assert_quiet(world)


def test_a_credential_that_is_missing(world: World) -> None:
    world.contract("secret", worker={"run": ["factory-scripted"], "secrets": ["NO_SUCH_KEY"]})
    world.item("one", contract="secret")
    world.tick(drain=True)
    assert world.lane("one") == "blocked"
    assert_quiet(world)


def test_loose_ends_that_became_nothing_are_found(world: World) -> None:
    world.item("one", LEFT)
    world.tick()
    world.git("reset", "-q", "--hard", "HEAD^")  # without the commit that made items of what was left
    assert violations(world) == {"handoff"}
