"""Missions: a plan that is approved is carried out, milestone by milestone, until everything is proven."""

import json

from tests.missions import (
    PLAN_CONTRACT,
    PLANNER,
    SCRUTINY,
    Mission,
    assertion,
    feature,
    infrastructure,
    milestone,
    plan_files,
)
from tests.world import World


def test_an_approved_plan_is_carried_out_to_its_end_without_a_person(world: World) -> None:
    mission = Mission(world)
    mission.plan(
        [assertion("VAL-1", "a.txt"), assertion("VAL-2", "b.txt"), assertion("VAL-3", "c.txt")],
        milestone("m1", feature("a", "VAL-1"), feature("b", "VAL-2")),
        milestone("m2", feature("c", "VAL-3", depends_on=["a"])),
    )
    mission.drain()
    mission.is_done()
    assert mission.states() == {"VAL-1": "passed", "VAL-2": "passed", "VAL-3": "passed"}
    assert world.last("shop").event == "close"
    assert world.last("shop").outcome == "applied"
    for item_id in ("shop.a", "shop.b", "shop.c", "shop.m1.scrutiny", "shop.m2.scrutiny"):
        assert world.lane(item_id) == "done", item_id
    world.command("audit")


def test_what_fails_is_followed_up_and_validated_again_and_nothing_else_is(world: World) -> None:
    table = {
        "shop.a": {"write": {"a.txt": "wrong"}},  # its own check is not the assertion's
        "shop.b": {"write": {"b.txt": "done BUG"}},
        "shop.fix-1": {"write": {"b.txt": "done and right"}},
    }
    mission = Mission(world, table)
    mission.plan(
        [assertion("VAL-1", "a.txt", check=["test", "-e", "a.txt"]), assertion("VAL-2", "b.txt")],
        milestone("m1", feature("a", "VAL-1"), feature("b", "VAL-2")),
    )
    mission.drain()
    mission.is_done()
    told = [(entry.reason or "").partition(";")[0] for entry in world.journal("shop") if entry.event == "advance"]
    assert told[told.index("ended: shop.m1.scrutiny") :] == [
        "ended: shop.m1.scrutiny",
        "m1: filed shop.fix-1",
        "ended: shop.fix-1",
        "m1: filed shop.m1.scrutiny-2",  # of the follow-up alone
        "ended: shop.m1.scrutiny-2",
        "m1: filed shop.m1.scrutiny-3",  # of what had passed, and rests on what the follow-up changed
        "ended: shop.m1.scrutiny-3",
    ]
    second, third = (world.read(world.path(f"shop.m1.scrutiny-{number}")) for number in (2, 3))
    assert 'reviews: ["shop.fix-1"]' in second
    assert "VAL-" not in second
    assert "VAL-2" in third
    assert "VAL-1" not in third
    world.command("audit")


def test_a_plan_may_be_edited_and_features_that_nobody_has_begun_follow_it(world: World) -> None:
    mission = Mission(world)
    mission.plan(
        [assertion("VAL-1", "a.txt"), assertion("VAL-2", "b.txt")],
        milestone("m1", feature("a", "VAL-1"), feature("b", "VAL-2"), feature("c", infrastructure=True)),
    )
    world.tick()
    assert (world.lane("shop.b"), world.lane("shop.c")) == ("inbox", "inbox")  # one writer at a time
    plan = json.loads(world.read(f"{mission.folder}/plan.yaml"))
    first, second, _ = plan["milestones"][0]["features"]
    plan["milestones"][0]["features"] = [first, {**second, "title": "Make b better"}, feature("d", infrastructure=True)]
    world.write(f"{mission.folder}/plan.yaml", json.dumps(plan))
    world.commit("Another plan")
    mission.drain()
    assert "Make b better" in world.read(world.path("shop.b"))
    assert world.last("shop.c").outcome == "cancelled"
    assert world.lane("shop.d") == "done"
    mission.is_done()
    world.command("audit")


def test_a_mission_is_paused_by_moving_it_and_goes_on_when_it_is_moved_back(world: World) -> None:
    mission = Mission(world)
    mission.plan([assertion("VAL-1", "a.txt")], milestone("m1", feature("a", "VAL-1"), infrastructure("b")))
    world.tick()
    assert world.lane("shop.b") == "inbox"  # one writer at a time
    world.move("shop", "queue/blocked", commit=True)
    mission.drain()
    assert world.events("shop")[-1] == "pause"
    assert world.lane("shop.b") == "inbox"
    assert not [entry for entry in world.journal("shop.b") if entry.event == "start"]
    world.move("shop", "queue/active", commit=True)
    mission.drain()
    mission.is_done()
    assert "resume" in world.events("shop")
    world.command("audit")


def test_a_mission_that_is_ended_takes_its_open_features_with_it(world: World) -> None:
    mission = Mission(world)
    mission.plan(
        [assertion("VAL-1", "a.txt")], milestone("m1", feature("a", "VAL-1"), feature("b", infrastructure=True))
    )
    world.tick()
    world.command("cancel", "shop")
    mission.drain()
    assert world.last("shop").outcome == "cancelled"
    assert {world.lane(item_id) for item_id in ("shop.a", "shop.b")} == {"done"}
    assert world.last("shop.b").outcome == "cancelled"
    world.command("audit")


def test_what_a_worker_left_undone_is_asked_about_and_a_reason_dismisses_it(world: World) -> None:
    left = {"left_undone": ["no tests for it", "no docs"]}
    mission = Mission(world, {"shop.a": {"handoff": left}})
    mission.plan([assertion("VAL-1", "a.txt")], milestone("m1", feature("a", "VAL-1")))
    mission.drain()
    assert world.lane("shop") == "blocked"
    path = "queue/blocked/shop.answers.yaml"
    asked = world.read(path)
    assert "shop.a/U1: no tests for it" in asked
    first, second = (line for line in asked.splitlines() if line.startswith("    decision:"))
    assert first == second
    answers = asked.replace("    decision:", "    decision: fix", 1)
    world.write(path, answers.replace("    decision:\n", "    decision: the page says all that there is to know\n"))
    mission.drain()
    mission.is_done()
    assert world.lane("shop.fix-1") == "done"
    dismissed = {key: why for entry in world.journal("shop") for key, why in entry.dismissed.items()}
    assert list(dismissed.values()) == ["the page says all that there is to know"]
    world.command("audit")


def test_a_guarded_assertion_that_breaks_after_the_end_is_noticed_and_files_an_item(world: World) -> None:
    mission = Mission(world, {"shop.guard.fix-1": {"write": {"a.txt": "done again"}}})
    mission.plan(
        [assertion("VAL-1", "a.txt", guard=True), assertion("VAL-2", "b.txt")],
        milestone("m1", feature("a", "VAL-1"), feature("b", "VAL-2")),
    )
    mission.drain()
    mission.is_done()
    world.write("b.txt", "broken, and nobody guards it")
    world.write("other.txt", "nothing rests on this")
    world.commit("By hand")
    mission.drain()
    assert not list((world.root / "queue/done").rglob("shop.guard*"))
    world.write("a.txt", "broken")
    world.commit("By hand")
    mission.drain()
    assert world.lane("shop.guard") == "done"
    assert world.lane("shop.guard.fix-1") == "done"
    assert world.lane("shop.guard-2") == "done"  # what was put right was looked at, too
    assert not list((world.root / "queue/done").rglob("shop.guard-3*"))
    world.command("audit")


def test_what_a_person_edits_into_a_plan_is_held_to_its_rules_and_nothing_goes_on_meanwhile(world: World) -> None:
    mission = Mission(world)
    mission.plan(
        [assertion("VAL-1", "a.txt")], milestone("m1", feature("a", "VAL-1"), feature("b", infrastructure=True))
    )
    world.tick()
    right = world.read(f"{mission.folder}/plan.yaml")
    world.write(f"{mission.folder}/plan.yaml", right.replace('["VAL-1"]', '["VAL-9"]'))
    world.commit("A plan with a mistake")
    mission.drain()
    assert world.lane("shop") == "active"
    assert world.lane("shop.b") == "inbox"
    assert f"{mission.folder}/plan.yaml:1:" in world.command("tick")
    world.write(f"{mission.folder}/plan.yaml", right)
    world.commit("As it was")
    mission.drain()
    mission.is_done()


def test_an_assertion_that_goes_on_failing_is_put_before_a_person(world: World) -> None:
    never = assertion("VAL-1", "a.txt", check=["test", "-e", "never.txt"])
    mission = Mission(world)
    mission.plan(
        [never, assertion("VAL-2", "a.txt")],
        milestone("m1", feature("a", "VAL-2")),
        milestone("m2", feature("b", "VAL-1")),
    )
    mission.drain()
    assert world.lane("shop.b") == "blocked"  # its own acceptance is the assertion's check
    world.command("cancel", "shop.b")
    mission.drain()
    assert world.lane("shop.fix-1") == "blocked"
    for number in (1, 2):
        world.command("cancel", f"shop.fix-{number}")
        mission.drain()
    assert world.lane("shop") == "blocked"
    assert "VAL-1 has failed 3 times" in str(world.last("shop").reason)
    path = "queue/blocked/shop.answers.yaml"
    world.write(path, world.read(path).replace("    decision:", "    decision: again"))
    mission.drain()
    assert world.lane("shop.fix-3") == "blocked"
    world.write("never.txt", "by hand")
    world.commit("By hand")
    world.command("retry", "shop.fix-3")
    mission.drain()
    mission.is_done()
    world.command("audit")


def test_a_mission_asks_when_its_budget_is_used_up_and_goes_on_with_a_larger_one(world: World) -> None:
    mission = Mission(world, {"shop.a": {"usage": {"usd": 3.0}}})
    mission.plan([assertion("VAL-1", "a.txt")], milestone("m1", feature("a", "VAL-1")), budget={"usd": 2.0})
    mission.drain()
    assert world.lane("shop") == "blocked"
    assert "3.00 of 2.00 USD" in str(world.last("shop").reason)
    plan = f"{mission.folder}/plan.yaml"
    world.write(plan, world.read(plan).replace('"usd": 2.0', '"usd": 20.0'))
    world.commit("More of it")
    path = "queue/blocked/shop.answers.yaml"
    world.write(path, world.read(path).replace("    decision:", "    decision: again"))
    mission.drain()
    mission.is_done()
    world.command("audit")


def test_a_feature_may_be_a_mission_itself(world: World) -> None:
    mission = Mission(world)
    inner = "contracts/missions/shop.pay"
    files = {
        f"{inner}/assertions.yaml": json.dumps([assertion("VAL-9", "card.txt")]),
        f"{inner}/plan.yaml": json.dumps({"goal": "Paying", "milestones": [milestone("p1", feature("card", "VAL-9"))]}),
    }
    world.write(
        "contracts/mission.yaml",
        PLAN_CONTRACT.replace("[factory-scripted]", "[python3, tools/plan.py]"),
    )
    world.write("tools/plan.py", PLANNER)
    outer = {
        f"{mission.folder}/assertions.yaml": json.dumps([assertion("VAL-1", "card.txt"), assertion("VAL-2", "b.txt")]),
        f"{mission.folder}/plan.yaml": json.dumps(
            {
                "goal": "A shop",
                "milestones": [milestone("m1", feature("pay", "VAL-1", contract="mission"), feature("b", "VAL-2"))],
            }
        ),
    }
    world.write("plans.json", json.dumps({"shop": outer, "shop.pay": files}))
    world.commit("Plans")
    world.item("shop", contract="mission")
    mission.drain()
    world.verdict("shop", "approve")
    mission.drain()
    assert world.lane("shop.pay") == "review"
    world.verdict("shop.pay", "approve")
    mission.drain()
    assert world.last("shop.pay").event == "close"
    mission.is_done()
    world.command("audit")


def test_whoever_judges_in_scrutiny_may_be_named_as_its_worker_too_since_nobody_works_there(world: World) -> None:
    mission = Mission(world)
    world.write("contracts/scrutiny.yaml", SCRUTINY.replace('["true"]', "[python3, tools/judge.py]"))
    world.commit("The judge twice")
    mission.plan([assertion("VAL-1", "a.txt")], milestone("m1", feature("a", "VAL-1")))
    mission.drain()
    mission.is_done()
    world.command("audit")


def test_features_with_scopes_of_their_own_are_written_at_once(world: World) -> None:
    slow = {"shop.a": {"seconds": 1}, "shop.b": {"seconds": 1}, "shop.c": {"seconds": 1}}
    mission = Mission(world, slow)
    features = [feature(name, f"VAL-{name}", scope=[f"{name}.txt"]) for name in ("a", "b")]
    features.append(feature("c", "VAL-c", scope=["*.txt"]))
    checks = [assertion(f"VAL-{name}", f"{name}.txt") for name in ("a", "b", "c")]
    mission.plan(checks, milestone("m1", *features), writers=3)
    mission.drain()
    mission.is_done()
    began = {key: next(each.at for each in world.journal(f"shop.{key}") if each.event == "start") for key in "abc"}
    ended = {key: next(each.at for each in world.journal(f"shop.{key}") if each.event == "deliver") for key in "abc"}
    assert max(began["a"], began["b"]) <= min(ended["a"], ended["b"])
    assert began["c"] >= max(ended["a"], ended["b"])  # it may write what they do
    world.command("audit")


def test_a_mission_whose_target_is_another_branch_is_carried_out_there(world: World) -> None:
    world.git("branch", "product")
    mission = Mission(world)
    world.policy("target: product\nlimits: {review: 100}")
    world.git("branch", "-f", "product", "main")
    mission.plan([assertion("VAL-1", "a.txt", guard=True)], milestone("m1", feature("a", "VAL-1"), infrastructure("b")))
    world.tick()
    world.tick()
    assert world.lane("shop.b") == "inbox"
    world.git("worktree", "add", "-q", "../product", "product")
    product = World(world.root.parent / "product")
    plan = json.loads(product.read(f"{mission.folder}/plan.yaml"))
    plan["milestones"][0]["features"].pop()
    product.write(f"{mission.folder}/plan.yaml", json.dumps(plan))
    product.commit("One feature less")
    mission.drain()
    mission.is_done()
    assert world.last("shop.b").outcome == "cancelled"
    product.write("a.txt", "broken")
    product.commit("By hand")
    mission.drain()
    assert world.lane("shop.guard") == "done"
    assert world.lane("shop.guard.fix-1") in ("done", "blocked")
    world.command("audit")


def test_while_an_outer_mission_is_paused_nothing_begins_in_the_inner_one(world: World) -> None:
    mission = Mission(world)
    world.write("contracts/mission.yaml", PLAN_CONTRACT.replace("[factory-scripted]", "[python3, tools/plan.py]"))
    world.write("tools/plan.py", PLANNER)
    inner = plan_files("shop.pay", [assertion("VAL-9", "card.txt")], milestone("p1", feature("card", "VAL-9")))
    pay = feature("pay", "VAL-1", contract="mission")
    outer = plan_files("shop", [assertion("VAL-1", "card.txt")], milestone("m1", pay))
    world.write("plans.json", json.dumps({"shop": outer, "shop.pay": inner}))
    world.commit("Plans")
    world.item("shop", contract="mission")
    mission.drain()
    world.verdict("shop", "approve")
    mission.drain()
    world.move("shop", "queue/blocked", commit=True)
    world.verdict("shop.pay", "approve")
    mission.drain()
    assert world.lane("shop.pay") == "active"
    assert not list((world.root / "queue").rglob("shop.pay.card*"))
    world.move("shop", "queue/active", commit=True)
    mission.drain()
    mission.is_done()
    world.command("audit")
