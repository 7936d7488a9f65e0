"""A whole mission by real programs, as `factory init --missions` lays it: planned, built, found wrong, put right."""

import json
from pathlib import Path

import pytest

from tests.real_agents.factory_of import among
from tests.real_agents.model import Parts, playing
from tests.real_agents.notes import APPLICATION, LEARNT, MISSION, script
from tests.world import World

pytestmark = pytest.mark.real_agents


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The repository of a little web application, before there is a factory."""
    world = World(tmp_path / "repo")
    world.root.mkdir()
    world.git("init", "-q", "-b", "main")
    for path, text in APPLICATION.items():
        world.write(path, text)
    world.commit("Notes")
    return world


def lay(world: World, address: str) -> None:
    """Lay a factory for missions, whose agents have their model elsewhere; Claude Code does all but judge."""
    world.command("init", "--missions", "--agent", "claude")
    reach = f'["{address.removeprefix("http://")}"]'
    solver = f"{{kind: claude, secrets: [ANTHROPIC_API_KEY], network: {reach}, url: {address!r}}}"
    critic = f"{{kind: codex, model: m, secrets: [OPENAI_API_KEY], network: {reach}, url: '{address}/v1'}}"
    laid = world.read("WORKFLOW.md")
    for old, new in (
        ("{kind: claude, secrets: [ANTHROPIC_API_KEY], network: [api.anthropic.com]}", f"{solver}\n  critic: {critic}"),
        ("review: solver", "review: critic"),
    ):
        assert laid.count(old) == 1
        laid = laid.replace(old, new)
    world.write("WORKFLOW.md", laid)
    world.commit("A factory")


def prompt(world: World, item: str) -> str:
    """What the worker of an item of the mission was told."""
    return world.artifacts(f"{MISSION}.{item}")["run-1/prompt.md"]


def test_real_agents_carry_a_mission_to_its_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    among(monkeypatch)
    model = Parts(script(world.root))
    with playing(model) as address:
        lay(world, address)
        assert world.command("check") == "all files are valid\n"
        world.command("mission", "new", "Notes that can be searched", "--description", "GET /notes?q=TEXT")
        world.tick(drain=True)
        assert "# The plan: Whoever uses the notes" in world.command("review", MISSION)
        world.command("review", MISSION, "--approve")
        world.tick(drain=True)
    assert world.lane(MISSION) == "done", world.command("status")
    # No check saw what a user came upon, from within its cell and with evidence,
    assert world.events(f"{MISSION}.search") == ["submit", "start", "deliver", "finish"]
    found, again = (world.artifacts(f"{MISSION}.m1.{each}") for each in ("testing", "testing-2"))
    assert [json.loads(each["run-1/result.json"])["data"]["assertions"] for each in (found, again)] == [
        {"VAL-HTTP-001": {"state": state, "said": said, "evidence": ["evidence/search.txt"]}}
        for state, said in (("fail", "her note should have come: none did"), ("pass", "her note came"))
    ]
    assert found["run-1/files/evidence/search.txt"] == "GET /notes?q=ann%20smith\n\n200\n[]"
    assert again["run-1/files/evidence/search.txt"] == 'GET /notes?q=ann%20smith\n\n200\n["Call Ann Smith"]'
    # and a steer answered, with what was learned for whoever came then.
    follow_up = prompt(world, "decode")
    assert f"Learned on the way: {LEARNT}" in follow_up
    assert f"It puts right what was found as {MISSION}.m1.testing/VAL-HTTP-001: VAL-HTTP-001 (GET " in follow_up
    assert "web is started by `python3 -B -m notes {{ port }}`" in follow_up
    told = [each for each in map(json.dumps, model.asked) if f"{MISSION}.decode" in each and "I look at it." in each]
    assert told and all(r"smith\n\n200\n[]" in each for each in told), "it saw what the user had seen"
    assert "parse_qs(query)" in world.git("show", "main:notes/__main__.py")
    assert any("plan.yaml has the feature `decode`" in each for each in map(json.dumps, model.asked))
    judged = json.loads(world.artifacts(f"{MISSION}.m1.scrutiny-2")["run-1/verdict.decode.yaml"])
    assert (judged["decision"], judged["reviewer"]) == ("approve", "critic (agent)")
    assert world.command("audit")
