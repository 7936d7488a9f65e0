"""Bad plans: each is refused with its file, the line and column to jump to, and the reason."""

import json
import random
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from factory.model.agent import Agent
from factory.model.item import Budget, Item
from factory.model.mission.held import Beside
from factory.model.policy import Policy, Route, When
from factory.store import yaml
from factory.store.plans import PlanFiles, problems_of_plan

GOOD = {
    "assertions.yaml": """\
- {id: VAL-1, area: cart, text: Two of one article make one line, by: user-testing, paths: [shop/cart/**]}
- id: VAL-2
  text: A negative quantity is refused
  check: [python, -m, pytest, 'contracts/missions/shop/checks/test_cart.py::test_negative']
- {id: VAL-3, text: The old tests pass, check: [python, -m, pytest, tests], reads: [shop/**], holds_already: true}
""",
    "plan.yaml": """\
goal: A shop that sells
budget: {usd: 10, minutes: 100}
roles: {work: solver}
milestones:
  - id: m1
    title: A cart
    features:
      - id: schema
        title: The tables
        infrastructure: true
        contract: feature
      - id: lines
        title: Lines
        fulfills: [VAL-1]
        contract: feature
        skills: [python, of-all]
        depends_on: [schema]
        budget: {usd: 4, minutes: 30}
  - id: m2
    title: Checkout
    features:
      - id: refusals
        title: Refusals
        fulfills: [VAL-2, VAL-3]
        budget: {usd: 6}
    dismissed:
      - {issue: shop.lines/U1, reason: nobody will ever see this message}
""",
    "services.yaml": """\
checks: {test: [pytest, -q]}
services:
  web:
    run: [python, -m, shop, "{{ port }}"]
    ready: {http: /health}
""",
    "checks/test_cart.py": "def test_negative(): assert False\n",
    "skills/python/SKILL.md": "---\nname: python\ndescription: How Python is written here.\n---\n",
}
BESIDE = Beside(
    policy=Policy(agents={"solver": Agent(kind="claude")}, routes=(Route(contract="feature"),)),
    contracts={"feature": False, "mission": True},
    skills=frozenset({"of-all"}),
    item=Item(title="A shop", budget=Budget(usd=40)),
)


def found(texts: Mapping[str, str], mission: str = "shop", beside: Beside = BESIDE) -> list[str]:
    """What is wrong with the files of a mission."""
    held = {f"contracts/missions/{mission}/{name}": text.encode() for name, text in texts.items()}
    files = PlanFiles(mission, frozenset(held), held.get)
    return [str(problem).removeprefix(f"contracts/missions/{mission}/") for problem in problems_of_plan(files, beside)]


def test_a_good_plan_is_taken() -> None:
    assert found(GOOD) == []


# what the plan is called; the file, a text in it, and what stands there instead; what is said of it
BAD: list[tuple[str, str, str, str, str]] = [
    (
        "an assertion that no feature fulfills",
        "plan.yaml",
        "fulfills: [VAL-2, VAL-3]",
        "fulfills: [VAL-2]",
        "assertions.yaml:5:4: no feature fulfills VAL-3",
    ),
    (
        "an assertion that two features fulfill",
        "plan.yaml",
        "fulfills: [VAL-2, VAL-3]",
        "fulfills: [VAL-2, VAL-1, VAL-3]",
        "plan.yaml:24:27: VAL-1 is fulfilled by the feature 'lines' already",
    ),
    (
        "a feature that names an assertion twice",
        "plan.yaml",
        "fulfills: [VAL-1]",
        "fulfills: [VAL-1, VAL-1]",
        "plan.yaml:14:27: VAL-1 is fulfilled by the feature 'lines' already",
    ),
    (
        "a feature that fulfills nothing",
        "plan.yaml",
        "        infrastructure: true\n",
        "",
        "plan.yaml:8:9: the feature 'schema' fulfills nothing, and is not marked `infrastructure: true`",
    ),
    (
        "infrastructure that fulfills something",
        "plan.yaml",
        "infrastructure: true",
        "infrastructure: true\n        fulfills: [VAL-1]",
        "plan.yaml:10:9: the feature 'schema' fulfills VAL-1; infrastructure fulfills nothing",
    ),
    (
        "a feature that fulfills what is no assertion",
        "plan.yaml",
        "[VAL-2, VAL-3]",
        "[VAL-2, VAL-3, VAL-4]",
        "plan.yaml:24:34: there is no assertion 'VAL-4' in contracts/missions/shop/assertions.yaml",
    ),
    (
        "two assertions of one id",
        "assertions.yaml",
        "id: VAL-3",
        "id: VAL-2",
        "assertions.yaml:5:4: there is an assertion 'VAL-2' already",
    ),
    (
        "two features of one id, in two milestones",
        "plan.yaml",
        "id: refusals",
        "id: lines",
        "plan.yaml:22:9: there is a feature 'lines' already",
    ),
    ("two milestones of one id", "plan.yaml", "id: m2", "id: m1", "plan.yaml:19:5: there is a milestone 'm1' already"),
    (
        "a feature that is called as a validator",
        "plan.yaml",
        "id: refusals",
        "id: testing",
        "plan.yaml:22:9: no feature can be called 'testing': the items of a validator are",
    ),
    (
        "a milestone that is called as a validator",
        "plan.yaml",
        "id: m2",
        "id: scrutiny",
        "plan.yaml:19:5: no milestone can be called 'scrutiny': the items of a validator are",
    ),
    (
        "a dot in a feature's id",
        "plan.yaml",
        "id: refusals",
        "id: re.fusals",
        "plan.yaml:22:9: milestones.1.features.0.id: String should match pattern",
    ),
    (
        "a contract that is not there",
        "plan.yaml",
        "        contract: feature\n        skills",
        "        contract: change\n        skills",
        "plan.yaml:15:9: there is no contract 'change' that can be used (contracts/change.yaml)",
    ),
    (
        "a skill that is not there",
        "plan.yaml",
        "skills: [python, of-all]",
        "skills: [python, rust]",
        "plan.yaml:16:26: there is no skill 'rust': neither contracts/missions/shop/skills/rust/SKILL.md nor "
        "contracts/skills/rust/SKILL.md is there",
    ),
    (
        "a skill that cannot be used",
        "skills/python/SKILL.md",
        "name: python",
        "name: rust",
        "skills/python/SKILL.md:2:1: calls itself 'rust', and lies in the folder 'python'",
    ),
    (
        "an agent that is not there",
        "plan.yaml",
        "roles: {work: solver}",
        "roles: {work: solver, review: critic}",
        "plan.yaml:3:23: WORKFLOW.md names no agent 'critic' under 'agents'",
    ),
    (
        "a role that there is not",
        "plan.yaml",
        "roles: {work: solver}",
        "roles: {boss: solver}",
        "plan.yaml:3:9: roles.boss: should be 'plan', 'work', 'review', 'test' or 'steer'",
    ),
    (
        "a dependency that is not there",
        "plan.yaml",
        "depends_on: [schema]",
        "depends_on: [schema, views]",
        "plan.yaml:17:30: there is no feature 'views' in this plan",
    ),
    (
        "a feature that depends on itself",
        "plan.yaml",
        "depends_on: [schema]",
        "depends_on: [lines]",
        "plan.yaml:17:22: lines depends on itself, and can never start",
    ),
    (
        "features that wait for each other",
        "plan.yaml",
        "        contract: feature\n      - id: lines",
        "        contract: feature\n        depends_on: [lines]\n      - id: lines",
        "plan.yaml:12:22: schema depends on itself, and can never start: schema -> lines -> schema",
    ),
    (
        "a dependency on a later milestone",
        "plan.yaml",
        "depends_on: [schema]",
        "depends_on: [refusals]",
        "plan.yaml:17:22: 'refusals' is of the later milestone 'm2', which begins when 'm1' ends",
    ),
    (
        "features that cost more than the plan has",
        "plan.yaml",
        "budget: {usd: 6}",
        "budget: {usd: 6.01}",
        "plan.yaml:25:18: the features take 10.01 USD together, and the plan has 10",
    ),
    (
        "features that take longer than the plan has",
        "plan.yaml",
        "budget: {usd: 6}",
        "budget: {minutes: 71}",
        "plan.yaml:25:18: the features take 101 minutes together, and the plan has 100",
    ),
    (
        "a plan that costs more than its item has",
        "plan.yaml",
        "budget: {usd: 10,",
        "budget: {usd: 41,",
        "plan.yaml:2:10: the plan takes 41 USD, and the item of the mission has 40",
    ),
    (
        "an assertion that nobody judges",
        "assertions.yaml",
        "by: user-testing, paths: [shop/cart/**]",
        "paths: [shop/cart/**]",
        "assertions.yaml:1:3: nobody judges VAL-1: give it a `check`, or `by: user-testing`",
    ),
    (
        "an assertion that two judge",
        "assertions.yaml",
        "by: user-testing,",
        "check: ['true'], by: user-testing,",
        "assertions.yaml:1:84: VAL-1 has a `check` as well; one of the two judges it",
    ),
    (
        "user testing that rests on nothing",
        "assertions.yaml",
        ", paths: [shop/cart/**]",
        "",
        "assertions.yaml:1:67: VAL-1 names no `paths`, so that nobody would know when a pass of it is stale",
    ),
    (
        "user testing without a service",
        "services.yaml",
        GOOD["services.yaml"],
        "checks: {test: [pytest, -q]}\n",
        "assertions.yaml:1:67: VAL-1 is for user testing, and contracts/missions/shop/services.yaml has no service",
    ),
    (
        "what holds already, and has no check",
        "assertions.yaml",
        "by: user-testing,",
        "holds_already: true, by: user-testing,",
        "assertions.yaml:1:67: VAL-1 has no `check` that this could be about",
    ),
    (
        "what a check reads that there is not",
        "assertions.yaml",
        "by: user-testing,",
        "reads: [shop/**], by: user-testing,",
        "assertions.yaml:1:67: VAL-1 has no `check` that this could be about",
    ),
    (
        "a service that is ready in two ways",
        "services.yaml",
        "{http: /health}",
        "{http: /health, tcp: true}",
        "services.yaml:5:5: needs exactly one of 'http', 'tcp' and 'run'; it has http and tcp",
    ),
    (
        "a service of which nobody knows when it is ready",
        "services.yaml",
        "{http: /health}",
        "{}",
        "services.yaml:5:5: needs exactly one of 'http', 'tcp' and 'run'; it has none",
    ),
    (
        "a check that is not there",
        "assertions.yaml",
        "test_cart.py::test_negative",
        "test_basket.py::test_negative",
        "assertions.yaml:4:31: contracts/missions/shop/checks/test_basket.py is not there",
    ),
    (
        "a service's own file that is not there",
        "services.yaml",
        "[pytest, -q]",
        "[sh, contracts/missions/shop/checks/all.sh]",
        "services.yaml:1:21: contracts/missions/shop/checks/all.sh is not there",
    ),
    (
        "a dismissal of nothing",
        "plan.yaml",
        "issue: shop.lines/U1",
        "issue: the second one",
        "plan.yaml:27:10: 'the second one' cannot be the id of an issue",
    ),
    (
        "a dismissal without a reason",
        "plan.yaml",
        "reason: nobody will ever see this message",
        "reason: never mind",
        "plan.yaml:27:32: milestones.1.dismissed.0.reason: String should have at least 20 characters",
    ),
    (
        "an answer to nothing",
        "plan.yaml",
        "budget: {usd: 6}",
        "budget: {usd: 6}\n        answers: [VAL-1, '?']",
        "plan.yaml:26:26: '?' cannot be the id of an issue",
    ),
    (
        "a key that there is not",
        "plan.yaml",
        "depends_on: [schema]",
        "depend_on: [schema]",
        "plan.yaml:17:9: unknown key 'milestones.0.features.1.depend_on'; did you mean 'depends_on'?",
    ),
    ("no YAML", "assertions.yaml", "- id: VAL-2", "- id: [VAL-2", "assertions.yaml:3:7: is not YAML"),
    ("no milestone", "plan.yaml", GOOD["plan.yaml"], "goal: a\nmilestones: []\n", "plan.yaml:2:1: milestones: Tuple"),
]


@pytest.mark.parametrize(("path", "text", "instead", "said"), [each[1:] for each in BAD], ids=[each[0] for each in BAD])
def test_a_bad_plan_is_refused_at_its_line(path: str, text: str, instead: str, said: str) -> None:
    assert text in GOOD[path]
    told = found({**GOOD, path: GOOD[path].replace(text, instead, 1)})
    assert any(each.startswith(said) for each in told), told


def test_every_mistake_is_told_at_once() -> None:
    plan = GOOD["plan.yaml"].replace("[VAL-2, VAL-3]", "[VAL-2]").replace("id: m2", "id: m1")
    assert [each.partition(" ")[0] for each in found({**GOOD, "plan.yaml": plan})] == [
        "assertions.yaml:5:4:",
        "plan.yaml:19:5:",
    ]


def test_of_a_flood_the_first_are_told() -> None:
    many = "".join(f"- {{id: MORE-{number}, text: More, check: ['false']}}\n" for number in range(30))
    told = found({**GOOD, "assertions.yaml": GOOD["assertions.yaml"] + many})
    assert len(told) == 21
    assert told[-1] == "assertions.yaml:1:1: and 10 more problems with the plan"


@pytest.mark.parametrize("name", ["plan.yaml", "assertions.yaml"])
def test_a_plan_without_one_of_its_files_is_refused(name: str) -> None:
    told = found({path: text for path, text in GOOD.items() if path != name})
    assert told == [f"{name}:1:1: is missing; a mission is a plan.yaml and the assertions.yaml it fulfills"]


def test_a_plan_needs_no_services_when_nobody_tests_as_a_user() -> None:
    by_check = GOOD["assertions.yaml"].replace("by: user-testing, paths: [shop/cart/**]", "check: [python, -m, shop]")
    rest = {path: text for path, text in GOOD.items() if path != "services.yaml"}
    assert found({**rest, "assertions.yaml": by_check}) == []


def test_a_plan_without_a_budget_has_that_of_its_item() -> None:
    plan = GOOD["plan.yaml"].replace("budget: {usd: 10, minutes: 100}", "writers: 1")
    beside = BESIDE.of_item(Item(title="A shop", budget=Budget(usd=9.99)))
    assert found({**GOOD, "plan.yaml": plan}) == []
    assert found({**GOOD, "plan.yaml": plan}, beside=beside) == [
        "plan.yaml:25:18: the features take 10 USD together, and the item of the mission has 9.99"
    ]


def test_shares_that_make_up_the_whole_are_not_too_much() -> None:
    plan = (
        GOOD["plan.yaml"]
        .replace("{usd: 10,", "{usd: 0.3,")
        .replace("usd: 4,", "usd: 0.1,")
        .replace("usd: 6", "usd: 0.2")
    )
    assert found({**GOOD, "plan.yaml": plan}) == []


def test_a_feature_without_a_contract_needs_a_route_to_one() -> None:
    no_route = replace(BESIDE, policy=BESIDE.policy.model_copy(update={"routes": ()}))
    assert found(GOOD, beside=no_route) == [
        "plan.yaml:22:9: the feature 'refusals' names no contract, and no route in WORKFLOW.md takes it"
    ]
    # a feature has the labels of the mission's item, and the routes see these
    by_label = BESIDE.policy.model_copy(update={"routes": (Route(when=When(labels=("shop",)), contract="feature"),)})
    labelled = replace(BESIDE, policy=by_label)
    assert len(found(GOOD, beside=labelled)) == 1
    assert found(GOOD, beside=labelled.of_item(Item(title="A shop", labels=("shop",)))) == []
    astray = replace(BESIDE, policy=BESIDE.policy.model_copy(update={"routes": (Route(contract="change"),)}))
    assert found(GOOD, beside=astray) == [
        "plan.yaml:22:9: there is no contract 'change' that can be used (contracts/change.yaml); "
        "a route in WORKFLOW.md names it"
    ]


def test_a_feature_may_be_a_mission_but_not_within_one_that_is_a_feature_itself() -> None:
    nested = {**GOOD, "plan.yaml": GOOD["plan.yaml"].replace("budget: {usd: 6}", "contract: mission")}
    assert found(nested) == []
    assert found(nested, beside=BESIDE.of_item(Item(title="t", mission="big"))) == [
        "plan.yaml:25:9: the feature 'refusals' is a mission, and shop is one within another already: "
        "two levels are all there are"
    ]


def test_the_items_of_a_plan_can_be_called_by_its_ids() -> None:
    mission = "m" * 58
    here = {name: text.replace("missions/shop/", f"missions/{mission}/") for name, text in GOOD.items()}
    assert found(here, mission=mission) == []  # mmm….m1.testing.cart-99 has 77 characters
    longer = here["assertions.yaml"].replace("area: cart", "area: shopping")
    assert found({**here, "assertions.yaml": longer}, mission=mission) == [
        f"plan.yaml:{line}:5: its items would be called {mission}.{name}.testing.shopping-99, of 81 characters; "
        "at most 80 are allowed"
        for line, name in ((5, "m1"), (19, "m2"))
    ]
    feature = {**here, "plan.yaml": here["plan.yaml"].replace("id: refusals", f"id: {'r' * 22}")}
    assert found(feature, mission=mission) == [
        f"plan.yaml:22:9: its items would be called {mission}.{'r' * 22}, of 81 characters; at most 80 are allowed"
    ]


def test_a_feature_that_answers_an_issue_needs_no_assertion_of_its_own() -> None:
    follow_up = "      - {id: again, title: Once more, answers: [shop.m1.testing/VAL-1]}\n    dismissed:"
    assert found({**GOOD, "plan.yaml": GOOD["plan.yaml"].replace("    dismissed:", follow_up)}) == []


def test_the_plan_that_the_documentation_shows_is_a_good_one() -> None:
    blocks = (Path(__file__).parent.parent / "docs/missions.md").read_text().split("```yaml\n# ")[1:]
    shown = {block.partition(".yaml")[0] + ".yaml": "#" + block.partition("```")[0] for block in blocks}
    assert sorted(shown) == ["assertions.yaml", "plan.yaml", "services.yaml"]
    assert found({**shown, "checks/test_cart.py": ""}) == []


def altered(value: object, chance: random.Random) -> object:
    """A part of a plan in which chance has left out, doubled, moved or exchanged something."""
    if isinstance(value, dict):
        kept = [(key, altered(each, chance)) for key, each in value.items() if chance.random() > 0.02]
        return dict(kept)
    if isinstance(value, list):
        some = [altered(each, chance) for each in value if chance.random() > 0.04]
        if some and chance.random() < 0.08:
            some.append(chance.choice(some))
        return some
    if chance.random() > 0.03:
        return value
    return chance.choice(
        ["VAL-1", "VAL-2", "lines", "schema", "refusals", "m1", "testing", "feature", "mission", True, 7]
    )


def holds(plan: Mapping[str, object], assertions: list[dict[str, object]]) -> bool:
    """Whether a plan in right form can be carried out, told in another way than the rules tell it."""
    features = [each for milestone in plan["milestones"] for each in milestone["features"]]  # type: ignore[attr-defined]
    ids = [each["id"] for each in features]
    fulfilled = sorted(key for each in features for key in each.get("fulfills", []))
    order = {name: place for place, name in enumerate(ids)}
    return (
        fulfilled == sorted(str(each["id"]) for each in assertions)
        and len(set(fulfilled)) == len(fulfilled)
        and len(set(ids)) == len(ids)
        and all(
            bool(each.get("fulfills")) != each.get("infrastructure", False)
            for each in features
            if "answers" not in each
        )
        and all(("check" in each) != ("by" in each) for each in assertions)
        and all(set(each.get("depends_on", [])) <= set(ids) for each in features)
        and all(need != each["id"] for each in features for need in each.get("depends_on", []) if need in order)
    )


def test_whatever_chance_makes_of_a_plan_is_told_with_its_place_or_can_be_carried_out() -> None:
    chance, taken, refused = random.Random(12), 0, 0
    plan, assertions = (yaml.parse(yaml.Source("", GOOD[f"{name}.yaml"].encode())) for name in ("plan", "assertions"))
    for _ in range(600):
        other_plan, other_assertions = altered(plan, chance), altered(assertions, chance)
        texts = {**GOOD, "plan.yaml": json.dumps(other_plan, indent=1), "assertions.yaml": json.dumps(other_assertions)}
        told = found(texts)
        assert all(re.match(r"(plan|assertions|services)\.yaml:\d+:\d+: \w", each) for each in told), told
        refused += bool(told)
        if not told:
            taken += 1
            assert holds(other_plan, other_assertions), (other_plan, other_assertions)  # type: ignore[arg-type]
    assert taken > 20 and refused > 200
