"""`factory init --missions`: contracts, prompts and roles by which a mission goes, as files that people can change."""

from pathlib import Path

import pytest

from factory.cli.scaffold import of_missions
from factory.execution.prompts.prompt import render
from factory.execution.request import RunRequest
from factory.model.contract import Contract
from factory.model.item import Criterion, Item
from factory.model.policy import Policy
from factory.model.questions import Answered, Question
from factory.model.skill import Skill
from factory.model.verdict import Finding
from factory.store import yaml
from tests.test_agent_programs import stand_in
from tests.test_plans_proposed import ASSERTIONS, PLAN
from tests.world import World

RECORDED = Path(__file__).parent / "fixtures/agent_cli"
LAID = of_missions()
PROMPTS = [path for path in LAID if path.endswith(".md")]


def laid(world: World, *more: str) -> str:
    """A factory that was laid with all that missions need, committed; what was said of it."""
    for path in ("WORKFLOW.md", "contracts/scripted.yaml", "contracts/reviewed.yaml"):
        (world.root / path).unlink()
    said = world.command("init", "--missions", *more)
    world.commit("A factory")
    return said


def test_all_of_it_can_be_read_in_one_sitting() -> None:
    assert sum(data.count(b"\n") for data in LAID.values()) <= 300


def test_a_factory_for_missions_is_valid_and_each_role_has_the_agent(world: World) -> None:
    world.write("Makefile", "test:\n\ttrue\n")
    laid(world, "--agent", "claude")
    assert world.command("check") == "all files are valid\n"
    assert "roles: {plan: solver, work: solver, review: solver, test: solver, steer: solver}\n" in world.read(
        "WORKFLOW.md"
    )
    # and the project's own tests are what a feature is checked by
    assert '\n  - {name: tests, run: ["make", "test"]}\n' in world.read("contracts/feature.yaml")


def test_without_an_agent_it_says_who_has_to_be_named(world: World) -> None:
    assert "$EDITOR WORKFLOW.md                   # roles: " in laid(world)
    assert "\n# roles: {plan: solver, " in world.read("WORKFLOW.md")
    *warnings, last = world.command("check").splitlines()
    assert last == "all files are valid"
    vacant = [each.partition("nobody is in the role ")[2].partition(";")[0] for each in warnings]
    assert vacant == ["'work'", "'plan'", "'review'", "'steer'", "'test'"]


def test_what_is_there_already_is_left_as_it_is(world: World) -> None:
    world.write("contracts/feature.yaml", "purpose: mine\n")
    before = world.read("WORKFLOW.md")
    said = world.command("init", "--missions")
    assert "contracts/mission.yaml" in said and "contracts/feature.yaml" not in said
    assert "# roles: " in said
    assert (world.read("WORKFLOW.md"), world.read("contracts/feature.yaml")) == (before, "purpose: mine\n")


def test_a_mission_is_planned_by_what_was_laid(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    laid(world, "--agent", "claude")
    folder = "contracts/missions/shop"
    files = ((ASSERTIONS, "assertions.yaml"), (PLAN, "plan.yaml"))
    plans = "; ".join([f"mkdir -p {folder}", *(f"printf '%s' '{text}' > {folder}/{name}" for text, name in files)])
    stand_in(tmp_path / "bin", monkeypatch, "claude", (RECORDED / "claude.ok.out").read_bytes(), 0, plans)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-0123456789012345")
    world.write("queue/inbox/shop.yaml", "title: A shop that sells\ncontract: mission\n")
    world.tick()
    assert world.lane("shop") == "review", world.last("shop").reason
    assert "# The plan: A shop that sells" in world.read("queue/review/shop.human.verdict.yaml")
    assert f"Write {folder}/assertions.yaml first" in world.artifacts("shop")["run-1/prompt.md"]


@pytest.mark.parametrize("name", ["scrutiny", "testing"])
def test_who_only_looks_may_change_nothing(world: World, name: str) -> None:
    # given the contract as it is laid, but for who works and judges
    path = f"contracts/{name}.yaml"
    keys = yaml.parse(yaml.Source(path, LAID[path]))
    assert isinstance(keys, dict)
    seats = [{"name": "tests", "kind": "checks"}]
    world.contract(name, **{**keys, "worker": {"run": ["factory-scripted"]}, "review": {"seats": seats}})
    world.item("one", contract=name)
    world.item("two", [{"result": {"summary": "I have looked."}}], contract=name)
    world.tick()
    assert [each.text for each in world.last("one").findings] == ["may not be changed; the contract allows no change"]
    assert world.lane("two") == "done"


MISSION = {
    "goal": "A shop that sells",
    "constraints": ["No framework"],
    "notes": ["The clock is in UTC"],
    "handoffs": [{"item": "shop.schema", "summary": "The tables are there"}],
    "issues": [{"id": "shop.m1.testing/VAL-3", "text": "it is empty", "evidence": ["main:artifacts/seen.txt"]}],
    "services": {"web": ["python", "-m", "shop"]},
    "assertions": [{"id": "VAL-1", "text": "A cart is there", "by": "check"}, {"id": "VAL-9", "text": "It is nice"}],
}
ITEM = Item(
    title="A cart that adds up",
    description="Lines, and their sum.",
    acceptance=(
        Criterion(id="VAL-1", text="A cart is there", check=("test", "-f", "cart.py")),
        Criterion(id="VAL-2", text="It sells"),
    ),
    scope=("shop/**",),
    mission="shop",
    milestone="m1",
)


def rendered(path: str, item: Item, **keys: object) -> str:
    """A prompt as somebody gets it."""
    contract = Contract.model_validate(
        {"purpose": "p", "worker": {"run": ["true"]}, "checks": [{"name": "all", "run": ["make", "test"]}]},
        strict=False,
    )
    request = RunRequest("shop.cart", item, "feature", contract, Policy(), "", 2, 2, "", "", **keys)  # type: ignore[arg-type]
    return render(LAID[path].decode(), {**request.variables(), "subject": "sha256:0", "seat": "cart"}, path)


@pytest.mark.parametrize("path", PROMPTS)
def test_each_prompt_is_made_of_a_bare_item_too(path: str) -> None:
    told = rendered(path, Item(title="A cart that adds up"))
    assert "{{" not in told.replace("{{ port }}", "") and "{%" not in told
    assert told[0].isupper() and "None" not in told
    assert "when all of this holds" not in told, "where there is nothing of the kind"


@pytest.mark.parametrize("path", PROMPTS)
def test_each_prompt_tells_what_its_reader_has_to_know(path: str) -> None:
    finding = Finding(id="F1", path="plan.yaml", line=7, text="it adds up to nothing")
    answered = Answered(question=Question(id="Q1", text="Which currency?"), decision="Euro", by="Ann")
    skill = Skill("python", "Our Python.", ())
    told = rendered(path, ITEM, findings=(finding,), answered=(answered,), skills=(skill,), mission=MISSION)
    wanted = {
        "plan.md": (
            "A cart that adds up",
            "Lines, and their sum.",
            "plan.yaml:7: it adds up to nothing",
            "Which currency?",
            "Euro",
            "Our Python.",
        ),
        "feature.md": (
            "A cart that adds up",
            "A shop that sells",
            "No framework",
            "The clock is in UTC",
            "The tables are there",
            "VAL-1: A cart is there (`test -f cart.py` is run for it)",
            "VAL-9: It is nice",
            "shop/**",
            "`make test`",
            "it adds up to nothing",
            "Euro",
            "Our Python.",
            "It puts right what was found as shop.m1.testing/VAL-3: it is empty",
            "`git show main:artifacts/seen.txt`",
            "web is started by `python -m shop`",
        ),
        "scrutiny.md": ("A cart that adds up", 'of="shop"', "subject: sha256:0", "has the feature `cart`"),
        "testing.md": ("VAL-2: It sells", "it adds up to nothing"),
        "steer.md": (
            "contracts/missions/shop/plan.yaml",
            "Lines, and their sum.",
            "A shop that sells",
            "The tables are there",
            "plan.yaml:7 it adds up to nothing",
            "Euro",
            "`git show main:artifacts/seen.txt` shows what was seen of shop.m1.testing/VAL-3",
        ),
    }[path.rpartition("/")[2]]
    assert [each for each in wanted if each not in told] == []
    assert told.count("VAL-1: ") <= 1
    if path.endswith("testing.md"):
        assert "cart.py" not in told, "what a check says is not a tester's to try"
