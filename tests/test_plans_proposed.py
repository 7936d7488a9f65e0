"""A plan that is proposed: held to the rules when it is delivered, and its checks run before any work."""

import json
import sys
from collections.abc import Sequence

from factory.model.failure import FailureClass
from tests.world import World

FOLDER = "contracts/missions/shop"
MISSION = {"patch": {"paths": ["docs/**"]}, "plan": True}
ASSERTIONS = """\
- {id: VAL-1, text: A cart is there, check: [test, -f, cart.py]}
- {id: VAL-2, text: The program stays, check: [test, -f, program.py], holds_already: true}
"""
PLAN = """\
goal: A shop that sells
milestones:
  - id: m1
    title: A cart
    features:
      - {id: cart, title: A cart, fulfills: [VAL-1, VAL-2]}
"""


def proposes(assertions: str = ASSERTIONS, plan: str = PLAN, **others: str) -> Sequence[dict[str, object]]:
    """The steps of a worker that leaves a plan."""
    texts = {f"{FOLDER}/assertions.yaml": assertions, f"{FOLDER}/plan.yaml": plan, **others}
    return [{"write": {"path": path, "text": text}} for path, text in texts.items()]


def planned(world: World, *runs: Sequence[dict[str, object]], text: str = "") -> None:
    """A mission whose worker proposes these, one after the other, and a pass for each."""
    world.contract("mission", produces=MISSION)
    world.item("shop", *runs, contract="mission", text=text)
    for _ in runs:
        world.tick()


def found(world: World) -> list[str]:
    """The findings of the last run, with their places."""
    return [f"{each.path.removeprefix(FOLDER + '/')}:{each.line}: {each.text}" for each in world.last("shop").findings]


def test_a_good_plan_is_put_before_a_person_whatever_the_seats_of_its_contract(world: World) -> None:
    planned(world, proposes())
    assert world.lane("shop") == "review"
    assert (world.root / "queue/review/shop.human.verdict.yaml").is_file()
    world.verdict("shop", "approve")
    world.tick()
    world.tick()
    assert (world.root / FOLDER / "plan.yaml").read_text() == PLAN


def test_a_plan_that_breaks_a_rule_is_sent_back_with_file_line_and_reason(world: World) -> None:
    planned(world, proposes(plan=PLAN.replace("[VAL-1, VAL-2]", "[VAL-1, VAL-3]")))
    last = world.last("shop")
    assert (world.lane("shop"), last.failure, last.event) == ("rework", FailureClass.CONTRACT, "rework")
    assert found(world) == [
        f"plan.yaml:6: there is no assertion 'VAL-3' in {FOLDER}/assertions.yaml",
        "assertions.yaml:2: no feature fulfills VAL-2",
    ]
    assert str(last.reason).startswith(f"{FOLDER}/plan.yaml:6: there is no assertion 'VAL-3'")


def test_a_plan_that_is_no_yaml_is_sent_back_with_its_line(world: World) -> None:
    planned(world, proposes(plan=PLAN + "goal: another\n"))
    assert found(world) == ["plan.yaml:7: the key 'goal' stands here twice"]


def test_a_plan_that_is_too_large_to_be_read_is_sent_back(world: World) -> None:
    writes = f"import os; os.makedirs({FOLDER!r}); open({FOLDER + '/plan.yaml'!r}, 'w').write('#' * 300_000)"
    world.contract("mission", worker={"run": ["python3", "-c", writes]}, produces=MISSION)
    world.item("shop", contract="mission")
    world.tick()
    assert found(world)[0] == "plan.yaml:1: is 300000 bytes long; at most 262144 are read"


def test_a_run_that_leaves_no_plan_is_sent_back(world: World) -> None:
    planned(world, [{"write": {"path": f"{FOLDER}/notes.md", "text": "Later.\n"}}])
    told = "is missing; a mission is a plan.yaml and the assertions.yaml it fulfills"
    assert found(world) == [f"plan.yaml:1: {told}", f"assertions.yaml:1: {told}"]


def test_a_plan_changes_nothing_outside_of_its_folder_whatever_its_contract_says(world: World) -> None:
    planned(world, proposes(**{"docs/shop.md": "A shop.\n", "contracts/missions/other/plan.yaml": PLAN}))
    assert [(each.path, each.text) for each in world.last("shop").findings] == [
        ("contracts/missions/other/plan.yaml", f"may not be changed; the contract allows {FOLDER}/**"),
        ("docs/shop.md", f"may not be changed; the contract allows {FOLDER}/**"),
    ]


def test_a_plan_takes_no_more_than_its_item_has(world: World) -> None:
    planned(world, proposes(plan=f"{PLAN}budget: {{usd: 3}}\n"), text="budget: {usd: 2}\n")
    assert found(world) == ["plan.yaml:7: the plan takes 3 USD, and the item of the mission has 2"]


def test_a_plan_may_name_the_contracts_agents_and_skills_that_are_there(world: World) -> None:
    world.write("contracts/skills/python/SKILL.md", "---\nname: python\ndescription: Our Python.\n---\n")
    world.policy("agents: {solver: {kind: claude}}\n")
    own = {f"{FOLDER}/skills/cart/SKILL.md": "---\nname: cart\ndescription: Our carts.\n---\n"}
    plan = PLAN.replace("VAL-2]", "VAL-2], contract: reviewed, skills: [python, cart]") + "roles: {work: solver}\n"
    world.commit()
    planned(world, proposes(plan=plan, **own))
    assert world.lane("shop") == "review"


def test_a_check_that_passes_before_any_work_proves_nothing_and_is_refused_at_its_line(world: World) -> None:
    lax = ASSERTIONS.replace("test, -f, cart.py", "test, -f, program.py")
    planned(world, proposes(lax), proposes())
    back = world.journal("shop")[-3]
    assert (back.event, back.failure) == ("rework", FailureClass.CONTRACT)
    assert [(each.path, each.line) for each in back.findings] == [(f"{FOLDER}/assertions.yaml", 1)]
    assert "`test -f program.py` passes before any work, so that it proves nothing" in back.findings[0].text
    # and the next round, in which it can fail, is put before a person
    assert world.lane("shop") == "review"


def test_a_check_that_passes_before_any_work_is_shown_as_refused_and_not_as_failed(world: World) -> None:
    lax = [sys.executable, "-c", "print('OK')"]
    planned(world, proposes(ASSERTIONS.replace("[test, -f, cart.py]", json.dumps(lax))))
    (shown,) = [line for line in world.command("show", "shop").splitlines() if "print(" in line and "check " in line]
    assert shown.startswith("check      refused  assertions/VAL-1: ")
    assert shown.endswith("; it passes before any work, and so would prove nothing")


def test_a_check_that_cannot_be_started_is_refused_at_its_line(world: World) -> None:
    planned(world, proposes(ASSERTIONS.replace("test, -f, cart.py", "no-such-program")))
    assert (world.lane("shop"), world.last("shop").failure) == ("rework", FailureClass.CONTRACT)
    assert found(world)[0].startswith("assertions.yaml:1: `no-such-program` cannot be run: ")


def test_the_checks_of_a_plan_find_the_files_that_it_brings(world: World) -> None:
    check = f"{FOLDER}/checks/test_cart.py"
    script = "import sys\nprint('no cart yet')\nsys.exit(1)\n"
    planned(world, proposes(ASSERTIONS.replace("test, -f, cart.py", f"python3, {check}"), **{check: script}))
    assert world.lane("shop") == "review"
    assert world.artifacts("shop")["run-1/checks/assertions/VAL-1.log"] == "no cart yet"


def test_what_the_checks_of_a_plan_came_to_is_kept_as_evidence(world: World) -> None:
    planned(world, proposes())
    ran = {each["name"]: each for each in json.loads(world.artifacts("shop")["run-1/evidence.json"])["ran"]}
    assert {name: (each["before_work"], each["exit_code"]) for name, each in ran.items()} == {
        "assertions/VAL-1": ("must_fail", 1),
        "assertions/VAL-2": ("may_pass", 0),
    }
    assert {"run-1/checks/assertions/VAL-1.log", "run-1/checks/assertions/VAL-2.log"} <= world.artifacts("shop").keys()


def test_the_history_of_a_plan_that_was_merged_stands_up_to_the_audit(world: World) -> None:
    check = f"{FOLDER}/checks/test_cart.py"
    named = ASSERTIONS.replace("test, -f, cart.py", f"python3, {check}")
    world.contract("mission", produces=MISSION, checks_from="base")
    world.item("shop", proposes(named, **{check: "raise SystemExit(1)\n"}), contract="mission")
    world.tick()
    world.verdict("shop", "approve")
    world.tick()
    world.tick()
    assert (world.root / FOLDER / "plan.yaml").is_file()
    world.command("audit")


def test_a_part_of_a_mission_that_changes_its_plan_is_held_to_the_rules_too(world: World) -> None:
    # given a mission that is under way, and two items of it that change its plan, one badly
    plan = PLAN.replace("features:", "features:\n      # in turn").replace(
        "title: A cart,", "title: A cart, scope: [cart.py],"
    )
    plan += "writers: 3\n"
    planned(world, proposes(plan=plan))
    world.verdict("shop", "approve")
    world.tick(drain=True)
    assert world.lane("shop") == "active"
    bad = plan.replace("[VAL-1, VAL-2]", "[VAL-1]")
    good = plan.replace("# in turn", "# one after the other")
    for name, text in (("bad", bad), ("good", good)):
        steps = [{"write": {"path": f"{FOLDER}/plan.yaml", "text": text}}]
        world.item(f"shop.{name}", steps, text=f"mission: shop\nscope: [{name}]\n")
    world.tick()
    assert (world.lane("shop.bad"), world.last("shop.bad").failure) == ("rework", FailureClass.CONTRACT)
    assert [(each.path, each.line, each.text) for each in world.last("shop.bad").findings] == [
        (f"{FOLDER}/assertions.yaml", 2, "no feature fulfills VAL-2")
    ]
    assert world.lane("shop.good") == "review"  # where a person is asked, as of every change of a contract


def test_a_change_that_is_no_part_of_a_mission_is_not_held_to_its_rules(world: World) -> None:
    world.item("one", [{"write": {"path": f"{FOLDER}/plan.yaml", "text": PLAN}}])
    world.tick()
    assert world.lane("one") == "review"
