"""`factory prompt` shows what will be sent, to the letter."""

from pathlib import Path

import pytest

from tests.test_agent_sessions import _CLAUDE, program, sent_back_once
from tests.world import World

_PROMPT = "Do {{ item.title }}, attempt {{ attempt }}.{% for each in findings %} Mend {{ each.text }}{% endfor %}"


def test_what_is_shown_is_what_is_sent_the_first_time_and_in_rework(world: World) -> None:
    world.write("contracts/prompts/it.md", _PROMPT)
    world.contract(
        "scripted",
        worker={"run": ["factory-scripted"], "prompt": "contracts/prompts/it.md"},
        checks=[{"name": "right", "run": ["grep", "-q", "right", "a.txt"], "when": "delivery"}],
    )
    world.commit("A prompt")
    world.item(
        "one",
        [{"write": {"path": "a.txt", "text": "wrong\n"}}],
        [{"write": {"path": "a.txt", "text": "right\n"}}],
        text="hold: true\n",
    )
    world.tick()
    first = world.command("prompt", "one")
    path = world.path("one")
    world.write(path, world.read(path).replace("hold: true\n", ""))
    world.tick()
    assert world.artifacts("one")["run-1/prompt.md"] == first.rstrip("\n")
    second = world.command("prompt", "one")
    assert "Mend " in second and second != first
    world.tick()
    assert world.artifacts("one")["run-2/prompt.md"] == second.rstrip("\n")


def test_who_goes_on_in_a_session_is_shown_what_is_new(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", monkeypatch, "claude", _CLAUDE)
    sent_back_once(world, "claude")
    shown = world.command("prompt", "one")
    assert shown.startswith("Go on with this task") and "as you left them" in shown
    world.tick()
    assert world.artifacts("one")["run-2/prompt.md"].rstrip("\n") == shown.rstrip("\n")


def test_an_agent_seat_has_a_prompt_and_another_one_none(world: World) -> None:
    world.policy("agents: {critic: {kind: claude}}\n")
    seats = [{"name": "tests", "kind": "checks"}, {"name": "critic", "kind": "agent", "agent": "critic"}]
    world.contract("scripted", review={"seats": seats})
    world.item("one", text="hold: true\n")
    world.tick()
    assert "Review the patch" in world.command("prompt", "one", "--seat", "critic")
    assert "do one" in world.command("prompt", "one", "--seat", "critic")
    assert "no seat 'tests' with an agent in it; there are critic" in world.command(
        "prompt", "one", "--seat", "tests", status=2
    )


def test_a_prompt_that_cannot_be_filled_in_is_said_to_be_one(world: World) -> None:
    world.write("WORKFLOW.md", world.read("WORKFLOW.md").replace("{{ item.title }}", "{{ item.titel.x }}"))
    world.commit("A slip")
    world.item("one", text="hold: true\n")
    world.tick()
    code, said = world.ended("prompt", "one")
    assert code != 0 and "titel" in said and "Traceback" not in said


def test_of_scrutiny_only_those_who_judge_have_a_prompt_and_each_says_which_feature_it_is_of(world: World) -> None:
    world.write("contracts/prompts/it.md", "Look at {{ seat }} of {{ item.mission }}")
    world.policy("agents: {critic: {kind: command, run: ['true']}}")
    asked: dict[str, object] = {"kind": "agent", "agent": "critic", "prompt": "contracts/prompts/it.md"}
    world.contract("scrutiny", review={"seats": [{"name": "tests", "kind": "checks"}, {"name": "feature", **asked}]})
    world.commit("A prompt")
    keys = "mission: shop\nmilestone: m1\nvalidates: scrutiny\nreviews: [shop.cart]\nhold: true\n"
    world.write("queue/inbox/shop.m1.scrutiny.yaml", f"title: Look\ncontract: scrutiny\n{keys}")
    assert "nobody is asked but who judges: cart" in world.command("prompt", "shop.m1.scrutiny", status=2)
    assert world.command("prompt", "shop.m1.scrutiny", "--seat", "cart") == "Look at cart of shop\n"
