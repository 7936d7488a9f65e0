"""Ways to cheat in a mission: each is stopped while it happens, whoever tries it."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.missions import FEATURE, JUDGE, MAKER, SCRUTINY, Mission, assertion, feature, milestone
from tests.world import World

FOLDER = Mission.folder
FAILED = "shop.m1.scrutiny/VAL-1"
LEFT = "shop.c/U1"
CHECK = f"{FOLDER}/checks/b.py"
TABLE: Mapping[str, Mapping[str, object]] = {
    "shop.b": {"write": {"b.txt": "done", "a.txt": "broken"}},
    "shop.again": {"write": {"a.txt": "done again"}},
    "shop.c": {"handoff": {"left_undone": ["no docs"]}},
}
STEER = """
purpose: Answer issues.
worker: {run: [python, tools/steer.py]}
produces: {patch: {paths: ["contracts/missions/**/plan.yaml"]}}
review: {seats: [{name: tests, kind: checks}]}
rework: {max_rounds: 1}
"""
# What it writes stands in `steer.json`; without that it asks.
PROGRAM = """
import json, os, pathlib
files = json.loads(pathlib.Path("steer.json").read_text()) if os.path.exists("steer.json") else {}
for path, text in files.items():
    pathlib.Path(path).write_text(text)
if not files:
    said = {"status": "blocked", "summary": "what now?", "question": "What now?"}
    pathlib.Path(os.environ["FACTORY_OUT"], "result.json").write_text(json.dumps(said))
"""
# Works on features, and judges what others make.
BOTH = f"""
import os
seen, judges = os.path.expanduser("~/.seen"), "FACTORY_PATCH" in os.environ
assert not os.path.exists(seen), "it is the session of another run"
open(seen, "w").close()
exec({JUDGE!r} if judges else {MAKER!r})
"""
Changed = Callable[[dict[str, object]], object]


def approved(world: World) -> None:
    """A mission whose plan a person has approved, and nobody has begun."""
    mission = Mission(world, TABLE)
    world.write(CHECK, "import sys; sys.exit('done' not in open('b.txt').read())\n")
    world.commit("A check that is frozen")
    mission.plan(
        [
            assertion("VAL-1", "a.txt"),
            assertion("VAL-2", "b.txt", check=["python", CHECK]),
            assertion("VAL-3", "c.txt"),
        ],
        milestone("m1", feature("a", "VAL-1"), feature("b", "VAL-2"), max_rounds=4),
        milestone("m2", feature("c", "VAL-3")),
    )


def steering(world: World) -> None:
    """One in which an assertion has failed, and the steer asks what becomes of it."""
    world.write("contracts/steer.yaml", STEER)
    world.write("tools/steer.py", PROGRAM)
    world.commit("Somebody steers")
    approved(world)
    world.tick(drain=True)
    assert world.lane("shop.m1.steer") == "blocked", world.command("status")


@pytest.fixture
def shop(tmp_path: Path) -> World:
    return World.after(approved, tmp_path / "repo")


@pytest.fixture
def failing(tmp_path: Path) -> World:
    return World.after(steering, tmp_path / "repo")


def states(world: World) -> dict[str, str]:
    """What the mission's journal says of each assertion."""
    return {key: str(each.state) for entry in world.journal("shop") for key, each in entry.judged.items()}


def judged_by(world: World, key: str) -> list[str]:
    """Whose words on an assertion the mission's journal has taken, in turn."""
    return [entry.judged[key].item for entry in world.journal("shop") if key in entry.judged]


def work(world: World, item_id: str, **files: str) -> None:
    """Somebody's work on an item writes these files, besides what it would write anyway."""
    table = json.loads(world.read("table.json"))
    table.setdefault(item_id, {})["write"] = {f"{item_id.rpartition('.')[2]}.txt": "done", **files}
    world.write("table.json", json.dumps(table))
    world.commit("Other work")


def plan_of(world: World, change: Changed) -> str:
    """The plan, with a difference."""
    plan = json.loads(world.git("show", f"main:{FOLDER}/plan.yaml"))
    change(plan)
    return json.dumps(plan)


def steer(world: World, files: Mapping[str, str]) -> None:
    """The steer goes on, and writes these files."""
    world.write("steer.json", json.dumps(files))
    world.commit("What now")
    world.move("shop.m1.steer", "queue/inbox", commit=True)
    world.tick(drain=True)


def first(plan: dict[str, object]) -> dict[str, object]:
    """The first milestone of a plan, to be changed."""
    milestones = plan["milestones"]
    assert isinstance(milestones, list)
    found = milestones[0]
    assert isinstance(found, dict)
    return found


def added(plan: dict[str, object], **more: object) -> None:
    """A feature more, which answers what has failed."""
    features = first(plan)["features"]
    assert isinstance(features, list)
    features.append(feature("again", infrastructure=True, **{"answers": [FAILED], **more}))


# Workers of features


@pytest.mark.parametrize("path", [f"{FOLDER}/assertions.yaml", f"{FOLDER}/plan.yaml", CHECK])
def test_a_worker_that_changes_what_it_is_judged_by_is_let_through_by_no_machine(shop: World, path: str) -> None:
    work(shop, "shop.a", **{path: "[]\n"})
    shop.tick(drain=True)
    assert shop.lane("shop.a") == ("review" if path == CHECK else "blocked"), shop.last("shop.a")
    assert shop.last("shop.a").failure == (None if path == CHECK else "contract")
    assert (shop.root / "queue/review/shop.a.human.verdict.yaml").is_file() == (path == CHECK)
    assert shop.read(path) != "[]\n"
    shop.command("audit")


@pytest.mark.parametrize(
    "path", ["queue/inbox/shop.m1.scrutiny.yaml", "queue/done/shop.b.yaml", "artifacts/shop/journal.jsonl"]
)
def test_a_worker_that_writes_what_the_factory_writes_is_refused(shop: World, path: str) -> None:
    work(shop, "shop.a", **{path: "title: mine\n"})
    shop.tick(drain=True)
    assert (shop.lane("shop.a"), shop.last("shop.a").failure) in [("blocked", "contract"), ("rework", "contract")]
    assert not (shop.root / "queue/inbox/shop.m1.scrutiny.yaml").exists()
    shop.command("audit")


# Steer


def test_a_steer_that_weakens_an_assertion_is_refused(failing: World) -> None:
    before = failing.read(f"{FOLDER}/assertions.yaml")
    steer(failing, {f"{FOLDER}/assertions.yaml": before.replace("'done'", "''")})
    assert (failing.lane("shop.m1.steer"), failing.last("shop.m1.steer").failure) == ("blocked", "contract")
    assert failing.read(f"{FOLDER}/assertions.yaml") == before
    failing.command("audit")


BEYOND: dict[str, Changed] = {
    "raises a limit": lambda plan: first(plan).update(max_rounds=99),
    "raises the budget": lambda plan: plan.update(budget={"usd": 1000.0}),
    "lets more write at once": lambda plan: plan.update(writers=9),
    "brings another contract in": lambda plan: added(plan, contract="scripted"),
    "changes a feature that has begun": lambda plan: first(plan).update(
        features=[feature("a", "VAL-1", title="Make nothing"), feature("b", "VAL-2")]
    ),
    "dismisses a failed assertion": lambda plan: first(plan).update(
        dismissed=[{"issue": FAILED, "reason": "nobody will ever look at this"}]
    ),
}


@pytest.mark.parametrize("change", BEYOND.values(), ids=BEYOND)
def test_a_steer_that_goes_beyond_its_bounds_is_let_through_by_no_machine(failing: World, change: Changed) -> None:
    steer(failing, {f"{FOLDER}/plan.yaml": plan_of(failing, change)})
    assert failing.lane("shop.m1.steer") == "review", failing.last("shop.m1.steer")
    assert (failing.root / "queue/review/shop.m1.steer.human.verdict.yaml").is_file()
    assert failing.lane("shop") == "active"
    failing.command("audit")


def test_an_item_that_says_of_itself_that_it_steers_is_covered_by_no_bounds(failing: World) -> None:
    text = plan_of(failing, added)
    steps = [{"write": {"path": f"{FOLDER}/plan.yaml", "text": text}}]
    failing.item("mine", steps, contract="scripted", text="mission: shop\nmilestone: m1\nsteers: true\n")
    failing.commit("Mine steers")
    failing.tick(drain=True)
    assert failing.lane("mine") == "review", failing.last("mine")
    assert "again" not in failing.read(f"{FOLDER}/plan.yaml")
    failing.command("audit")


# Validators


def validator(world: World, item_id: str) -> None:
    """Somebody writes an item that says it validates, and that all is well."""
    keys = "".join(f"- {{id: VAL-{number}, text: It holds, check: ['true']}}\n" for number in (1, 2))
    more = "mission: shop\nmilestone: m1\nvalidates: scrutiny\nreviews: [shop.a, shop.b]\n"
    path = f"queue/inbox/{item_id}.yaml"
    world.write(path, f"title: All is well\ncontract: scrutiny\nacceptance:\n{keys}{more}")
    world.commit("A validator")
    world.tick(drain=True)
    assert world.lane(item_id) == "done"


def test_a_validator_that_no_mission_filed_proves_nothing_of_one(failing: World) -> None:
    validator(failing, "shop.m1.mine")
    assert states(failing) == {"VAL-1": "failed", "VAL-2": "passed"}
    assert failing.lane("shop.m1.steer") == "blocked"
    failing.command("audit")


def test_an_id_that_somebody_else_has_taken_is_no_validators(failing: World) -> None:
    validator(failing, "shop.m1.scrutiny-2")
    steer(failing, {f"{FOLDER}/plan.yaml": plan_of(failing, added)})
    assert judged_by(failing, "VAL-1") == ["shop.m1.scrutiny", "shop.m1.scrutiny-3"]
    failing.command("audit")


def test_a_validator_whose_check_somebody_weakens_proves_nothing(failing: World) -> None:
    work(failing, "shop.again", **{"again.txt": "nothing is put right"})
    failing.write("contracts/scrutiny.yaml", "purpose: [\n")  # so that it waits
    failing.commit("Not yet")
    steer(failing, {f"{FOLDER}/plan.yaml": plan_of(failing, added)})
    path = failing.path("shop.m1.scrutiny-2")
    failing.write(path, failing.read(path).replace("'done'", "''"))
    failing.write("contracts/scrutiny.yaml", SCRUTINY)
    failing.commit("Now")
    failing.tick(drain=True)
    assert failing.lane("shop.m1.scrutiny-2") == "done"
    assert judged_by(failing, "VAL-1") == ["shop.m1.scrutiny", "shop.m1.scrutiny-3"]
    assert states(failing)["VAL-1"] == "failed"
    failing.command("audit")


def cast(world: World, reviewers: str, seats: str = "seats") -> Mission:
    """A mission whose features the agent `maker` makes, who judges as well as these reviewers do."""
    agents = {
        name: {"kind": "command", "run": ["python3", tool], "model": name}
        for name, tool in (("maker", "tools/both.py"), ("critic", "tools/judge.py"))
    }
    world.write("tools/both.py", BOTH)
    world.commit("Who makes, and judges")
    mission = Mission(world)
    more = f"limits: {{review: 100}}\nagents: {json.dumps(agents)}\nroles: {{work: maker, review: {reviewers}}}"
    world.policy(more)
    world.write("contracts/feature.yaml", FEATURE.replace("{run: [python3, tools/maker.py]}", "{role: work}"))
    world.write(
        "contracts/scrutiny.yaml",
        SCRUTINY.replace("kind: command, run: [python3, tools/judge.py]", "kind: agent, role: review").replace(
            "seats", seats
        ),
    )
    world.commit("Roles")
    mission.plan([assertion("VAL-1", "a.txt")], milestone("m1", feature("a", "VAL-1")))
    mission.drain()
    return mission


def test_who_made_a_feature_and_is_the_only_one_there_looks_at_it_in_a_run_that_knows_nothing_of_it(
    world: World,
) -> None:
    cast(world, "maker").is_done()  # what the maker had left in its home, the judge would have found
    assert [each.reviewer for each in world.last("shop.m1.scrutiny").verdicts] == ["maker (agent)"]
    world.command("audit")


def test_a_contract_may_demand_that_another_model_looks_at_a_feature(world: World) -> None:
    cast(world, "maker", "distinct_models: true, seats")
    assert world.lane("shop.m1.scrutiny") == "blocked"
    assert "wants distinct models, and the seat 'a' has the worker's, 'maker'" in str(
        world.last("shop.m1.scrutiny").reason
    )


def test_nobody_looks_at_a_feature_that_they_made_where_somebody_else_can(world: World) -> None:
    cast(world, "[maker, critic]").is_done()
    assert [each.reviewer for each in world.last("shop.m1.scrutiny").verdicts] == ["critic (agent)"]
    world.command("audit")


# What is not proven, and not answered


def test_a_pass_does_not_outlive_a_change_of_what_it_rests_on(shop: World) -> None:
    work(shop, "shop.b", **{"b.txt": "done"})
    shop.write("table.json", json.dumps({"shop.b": {}, "shop.c": {"write": {"c.txt": "done", "a.txt": "broken"}}}))
    shop.commit("Another milestone breaks it")
    shop.tick(drain=True)
    assert judged_by(shop, "VAL-1") == ["shop.m1.scrutiny", "shop.m2.scrutiny-2"]
    assert states(shop)["VAL-1"] == "failed"
    assert shop.lane("shop") == "active"
    shop.command("audit")


def test_a_pass_does_not_outlive_a_change_of_what_the_assertion_asks(failing: World) -> None:
    path = f"{FOLDER}/assertions.yaml"
    asserted = json.loads(failing.read(path))
    asserted[1]["check"] = ["test", "-e", "stronger.txt"]
    failing.write(path, json.dumps(asserted))
    failing.write("table.json", json.dumps({**TABLE, "shop.c": {}}))
    failing.commit("More is asked")
    steer(failing, {f"{FOLDER}/plan.yaml": plan_of(failing, added)})
    assert failing.lane("shop.c") == "done", failing.command("status")
    assert states(failing) == {"VAL-1": "passed", "VAL-2": "failed", "VAL-3": "passed"}
    failing.command("audit")


def test_a_milestone_with_a_loose_end_waits_for_a_reason_that_is_one(shop: World) -> None:
    work(shop, "shop.b", **{"b.txt": "done"})
    shop.tick(drain=True)
    for _ in range(2):
        assert shop.lane("shop") == "blocked"
        asked = shop.read("queue/blocked/shop.answers.yaml")
        assert LEFT in asked
        shop.write("queue/blocked/shop.answers.yaml", asked.replace("    decision:", "    decision: never mind", 1))
        shop.tick(drain=True)
    assert "20 characters" in shop.read("queue/blocked/shop.answers.yaml")
    assert not any(entry.dismissed for entry in shop.journal("shop"))
    shop.command("audit")


@pytest.mark.parametrize("item_id", ["shop", "shop.m1.steer"])
def test_what_a_person_puts_into_done_is_cancelled_and_proves_nothing(failing: World, item_id: str) -> None:
    (failing.root / failing.path(item_id)).rename(failing.root / f"queue/done/{item_id}.yaml")
    failing.tick(drain=True)
    assert failing.last(item_id).outcome == "cancelled"
    assert "close" not in failing.events("shop")
    failing.command("audit")


def test_a_mission_that_is_put_into_active_by_hand_is_not_begun(shop: World) -> None:
    path = "queue/review/shop.human.verdict.yaml"
    shop.write(path, shop.read(path).replace("decision: approve", "decision: pending"))
    shop.move("shop", "queue/active", commit=True)
    shop.tick(drain=True)
    assert "open" not in shop.events("shop")
    assert not shop.git("ls-tree", "-r", "--name-only", "main", FOLDER).count("plan.yaml")
    shop.command("audit")
