"""What a mission lacks is named before its plan is approved: contracts of its items, and somebody in their roles."""

import json

import pytest

from tests.missions import Mission, assertion, feature, milestone
from tests.test_init_missions import laid
from tests.world import World

AGENTS = {"solver": {"kind": "claude", "model": "m"}}
NOBODY = "nobody is in the role '{0}'; WORKFLOW.md names an agent for it by roles: {{{0}: AGENT}}"


def told(name: str, place: str, role: str) -> str:
    return f"warning: contracts/{name}.yaml:{place}: {NOBODY.format(role)}"


def test_roles_in_which_there_is_nobody_are_named_when_a_mission_is_filed(world: World) -> None:
    laid(world)
    lines = world.command("mission", "new", "A shop").splitlines()
    assert lines[:-1] == [
        told("mission", "3:10", "plan"),
        told("feature", "3:10", "work"),
        told("scrutiny", "8:36", "review"),
        told("testing", "3:10", "test"),
        told("steer", "3:10", "steer"),
    ]
    assert lines[-1] == "queue/inbox/a-shop.yaml"
    world.write("WORKFLOW.md", world.read("WORKFLOW.md").replace("# roles:", "roles:"))
    world.write("contracts/scrutiny.yaml", "")
    (world.root / "contracts/scrutiny.yaml").unlink()
    world.commit("Roles, and nobody to validate")
    assert "warning: contracts/scrutiny.yaml:1:1: is not there, under which milestones are validated; " in (
        world.command("mission", "new", "Another")
    )


def test_a_contract_whose_only_judge_is_its_worker_is_named(world: World) -> None:
    world.policy(f"agents: {json.dumps(AGENTS)}\nroles: {{work: solver, review: solver}}")
    seats = "seats: [{name: tests, kind: checks}, {name: critic, kind: agent, role: review}]"
    world.write("contracts/feature.yaml", f"purpose: p\nworker: {{role: work}}\nreview:\n  {seats}\n")
    said = "only the worker itself, 'solver', could sit in the seat 'critic', and nobody approves their own work"
    assert f"warning: contracts/feature.yaml:4:40: review.seats.1: {said}" in world.command("check")


@pytest.fixture
def proposed(world: World) -> World:
    """A mission with a plan that is proposed, under contracts whose roles nobody is in."""
    mission = Mission(world)
    (world.root / "contracts/scrutiny.yaml").unlink()
    world.write("contracts/paint.yaml", "purpose: p\nworker: {role: work}\n")
    world.commit("Nobody validates, and nobody paints")
    plan = {
        "goal": "A shop",
        "milestones": [milestone("m1", feature("a", "VAL-1"), feature("b", "VAL-2", contract="paint"))],
    }
    shown = {"id": "VAL-2", "text": "it is red", "by": "user-testing", "paths": ["b.txt"]}
    services = {"services": {"web": {"run": ["true"], "ready": {"tcp": True}}}}
    files = {"assertions": [assertion("VAL-1", "a.txt"), shown], "plan": plan, "services": services}
    steps = [
        {"write": {"path": f"{mission.folder}/{name}.yaml", "text": json.dumps(what)}} for name, what in files.items()
    ]
    world.item("shop", steps, contract="mission")
    world.tick()
    assert world.lane("shop") == "review", world.last("shop")
    return world


LACKS = [
    "contracts/paint.yaml:2:10: nobody is in the role 'work'",
    "contracts/scrutiny.yaml:1:1: is not there, under which milestones are validated",
    "contracts/testing.yaml:1:1: is not there, under which users try what they judge",
]


def test_whoever_approves_a_plan_reads_first_what_is_missing(proposed: World) -> None:
    for told_by in (proposed.read("queue/review/shop.human.verdict.yaml"), proposed.command("show", "shop")):
        assert told_by.count("MISSING, before you approve this: ") == len(LACKS)
        for lack in LACKS:
            assert f"MISSING, before you approve this: {lack}" in told_by


def test_check_names_what_a_plan_in_the_working_tree_lacks_unless_the_plan_says_who_it_is(proposed: World) -> None:
    proposed.verdict("shop", "approve")
    proposed.tick()
    lines = [line for line in proposed.command("check", status=1).splitlines() if not line.startswith("warning")]
    assert [line.partition("; ")[0] for line in lines] == LACKS
    proposed.write("contracts/scrutiny.yaml", "purpose: p\nworker: {role: review}\n")  # nobody works there
    proposed.write("contracts/testing.yaml", "purpose: p\nworker: {run: [x]}\n")
    proposed.policy(f"agents: {json.dumps(AGENTS)}")
    path = f"{Mission.folder}/plan.yaml"
    proposed.write(path, json.dumps({**json.loads(proposed.read(path)), "roles": {"work": "solver"}}))
    proposed.commit("All is there")
    assert "all files are valid" in proposed.command("check")
