"""A plan as a person sees it before they approve it: what is done, how it is judged, and what it is likely to cost."""

import json
import re
from pathlib import Path

import pytest

from tests.test_plans_proposed import MISSION, proposes
from tests.world import World

ASSERTIONS = """\
- {id: VAL-1, text: Two make one line, by: user-testing, paths: [shop/**], guard: true}
- {id: VAL-2, text: A cart is there, check: [test, -f, cart.py]}
- {id: VAL-3, text: The program stays, check: [test, -f, program.py], holds_already: true}
"""
PLAN = """\
goal: A shop that sells
constraints: [No framework]
notes: [The clock is in UTC]
budget: {usd: 10}
writers: 2
roles: {work: solver}
milestones:
  - id: m1
    title: A cart
    features:
      - {id: schema, title: The tables, infrastructure: true, scope: [db/**], contract: reviewed}
      - {id: lines, title: Lines, fulfills: [VAL-1, VAL-2], depends_on: [schema], budget: {usd: 4}}
  - id: m2
    title: Checkout
    max_rounds: 1
    features:
      - {id: pay, title: Paying, fulfills: [VAL-3]}
    dismissed: [{issue: VAL-2, reason: nobody will ever see this}]
"""
SERVICES = """\
checks: {test: [pytest, -q]}
services: {web: {run: [python, -m, shop], ready: {http: /health}, seconds: 5}}
"""
TOLD = """\
The plan: A shop that sells
  keep to: No framework
  learned: The clock is in UTC
  2 milestones, 3 features (1 infrastructure), 3 assertions (2 by a check, 1 by user testing)
  written by 2 workers at a time
  budget: 10 USD; 1 feature with 4 USD together
  agents: work: solver
  likely cost of 1 feature under reviewed: no history
  likely cost of 2 features under scripted: 0.30 USD (n=3) and {} minutes (n=4) each, by the median
  in all: 0.60 USD and {} minutes, and 1 feature without a history; validation comes on top
m1: A cart (validated 3 times at most)
  schema: The tables [reviewed; infrastructure; in db/**]
  lines: Lines [scripted; after schema; 4 USD]
    VAL-1: Two make one line | a user of the program judges it; guarded after the end
    VAL-2: A cart is there | test -f cart.py; fails now, with exit status 1
m2: Checkout (validated 1 time at most)
  pay: Paying [scripted]
    VAL-3: The program stays | test -f program.py; holds already
  nothing is done about VAL-2: nobody will ever see this
scrutiny runs test: pytest -q
testers use web: python -m shop, ready when /health answers, within 5 s
""".splitlines()


def delivered(world: World) -> None:
    """A history of four finished items, and a mission whose plan waits for a person."""
    world.policy("agents: {solver: {kind: claude}}\n")
    for name, usd in (("one", 0.1), ("two", 0.3), ("three", 0.7), ("four", None)):
        used = {"result": {"usage": {"input_tokens": 10, **({"usd": usd} if usd else {})}}}
        world.item(name, [{"write": {"path": f"{name}.txt", "text": "x\n"}}, used])
    world.item("never", [{"result": {"usage": {"usd": 90.0}}}])  # ends without a change, and counts for nothing
    world.tick()
    world.tick()
    world.contract("mission", produces=MISSION)
    folder = "contracts/missions/shop"
    world.item("shop", proposes(ASSERTIONS, PLAN, **{f"{folder}/services.yaml": SERVICES}), contract="mission")
    world.tick()


@pytest.fixture
def planned(tmp_path: Path) -> World:
    return World.after(delivered, tmp_path / "repo")


def as_told(lines: list[str]) -> list[str]:
    """The lines of a plan among others, without the times, which no two runs have alike."""
    start = next(n for n, line in enumerate(lines) if line.startswith(TOLD[0]))
    return [re.sub(r"[0-9.]+ minutes", "{} minutes", line) for line in lines[start : start + len(TOLD)]]


def test_the_verdict_file_shows_the_plan_with_its_likely_cost_and_how_each_assertion_is_judged(planned: World) -> None:
    text = planned.read("queue/review/shop.human.verdict.yaml")
    assert as_told([line.removeprefix("# ") for line in text.splitlines()]) == TOLD
    assert "assertions/VAL" not in text  # each stands with what it is about, not among the checks of the proposal


def test_review_and_show_say_the_same(planned: World) -> None:
    shown = planned.command("show", "shop").splitlines()
    assert as_told([line.removeprefix("plan       ") for line in shown]) == TOLD
    assert "check      open  assertions/VAL-2: test -f cart.py" in "\n".join(shown)
    assert as_told([line.removeprefix("# ") for line in planned.command("review", "shop").splitlines()]) == TOLD
    assert as_told(json.loads(planned.command("show", "shop", "--json"))["plan"]) == TOLD


def test_a_merged_plan_is_shown_as_the_target_has_it(planned: World) -> None:
    planned.verdict("shop", "approve")
    planned.tick()
    planned.tick()
    assert "plan       The plan: A shop that sells" in planned.command("show", "shop")


def test_of_a_long_plan_as_much_is_shown_as_a_file_may_hold_that_a_person_edits(world: World) -> None:
    many = range(900)
    assertions = "".join(f"- {{id: V{n}, text: {'word ' * 40}, check: ['false', 'no{n}']}}\n" for n in many)
    fulfills = ", ".join(f"V{n}" for n in many)
    features = f"[{{id: f, title: f, fulfills: [{fulfills}]}}]"
    plan = f"goal: all\nmilestones: [{{id: m, title: m, features: {features}}}]\n"
    folder = "contracts/missions/shop"
    world.write(f"{folder}/plan.yaml", plan)
    world.write(f"{folder}/assertions.yaml", assertions)
    world.contract("mission", produces=MISSION)
    world.item("shop", contract="mission")
    world.commit()
    shown = world.command("show", "shop").splitlines()
    assert len([line for line in shown if line.startswith("plan")]) == 401
    assert "plan       and 507 more lines: contracts/missions/shop/" in shown
