"""Steer: issues are answered by a change of the plan, which code lets through by itself within bounds alone."""

import json

from tests.missions import Mission, assertion, feature, milestone
from tests.world import World

STEER = """
purpose: Answer issues.
worker: {run: [python3, tools/steer.py]}
produces: {patch: {paths: ["contracts/missions/**/plan.yaml"]}}
review: {seats: [{name: tests, kind: checks}]}
"""
# What it makes of the plan stands in `steer.py.json`: features for the first milestone, dismissals, or other keys.
PROGRAM = """
import json, os, pathlib
item = json.loads(pathlib.Path(os.environ["FACTORY_ITEM"]).read_text())
path = pathlib.Path("contracts/missions") / item["mission"] / "plan.yaml"
plan, change = json.loads(path.read_text()), json.loads(pathlib.Path("steer.json").read_text())
plan["milestones"][0]["features"] += change.get("features", [])
plan["milestones"][0]["dismissed"] = change.get("dismissed", [])
plan.update(change.get("plan", {}))
path.write_text(json.dumps(plan))
"""
BAD = {"shop.a": {"write": {"a.txt": "done BUG"}, "handoff": {"left_undone": ["no docs"]}}}
REVIEWED, LEFT = "shop.m1.scrutiny/a.F1", "shop.a/U1"


def steered(world: World, **change: object) -> Mission:
    mission = Mission(world, {**BAD, "shop.better": {"write": {"a.txt": "done"}}})
    world.write("contracts/steer.yaml", STEER)
    world.write("tools/steer.py", PROGRAM)
    world.write("steer.json", json.dumps(change))
    world.commit("Somebody steers")
    mission.plan([assertion("VAL-1", "a.txt")], milestone("m1", feature("a", "VAL-1"), max_rounds=4))
    mission.drain()
    return mission


def test_within_bounds_a_plan_is_changed_without_a_person(world: World) -> None:
    better = feature("better", infrastructure=True, answers=[REVIEWED])
    why = "the page says all that there is to know"
    mission = steered(world, features=[better], dismissed=[{"issue": LEFT, "reason": why}])
    mission.is_done()
    assert world.last("shop.m1.steer").outcome == "applied"
    assert world.last("shop.m1.steer").verdicts == ()
    assert world.lane("shop.better") == "done"
    assert "answers" in world.read(f"{mission.folder}/plan.yaml")
    world.command("audit")


def test_beyond_bounds_a_person_is_asked(world: World) -> None:
    better = feature("better", infrastructure=True, answers=[REVIEWED, LEFT])
    steered(world, features=[better], plan={"budget": {"usd": 1000.0}})
    assert world.lane("shop.m1.steer") == "review"
    assert (world.root / "queue/review/shop.m1.steer.human.verdict.yaml").exists()
    world.command("audit")


def test_what_steer_does_not_answer_is_followed_up_by_code_and_asked_of_a_person(world: World) -> None:
    better = feature("better", infrastructure=True, answers=[REVIEWED])
    steered(world, features=[better])
    assert world.lane("shop") == "blocked"
    assert LEFT in world.read("queue/blocked/shop.answers.yaml")
    world.command("audit")


def test_steer_may_change_nothing_but_the_plan_of_its_mission(world: World) -> None:
    mission = Mission(world, BAD)
    world.write("contracts/steer.yaml", STEER.replace("contracts/missions/**/plan.yaml", "**"))
    world.write("tools/steer.py", "open('contracts/missions/shop/assertions.yaml', 'w').write('[]')")
    world.commit("Somebody cheats")
    mission.plan([assertion("VAL-1", "a.txt")], milestone("m1", feature("a", "VAL-1"), max_rounds=4))
    mission.drain()
    assert world.lane("shop.m1.steer") == "blocked"
    assert world.last("shop.m1.steer").failure == "contract"
    world.command("audit")
