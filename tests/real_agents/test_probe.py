"""The probe of the doctor with the real programs: each answers where it would work, or says why it cannot."""

import pytest

from tests.real_agents.factory_of import agent, factory_of
from tests.real_agents.model import Step, model
from tests.real_agents.programs import VERSIONS
from tests.world import World

pytestmark = pytest.mark.real_agents


def test_each_real_agent_answers_or_says_why_it_cannot(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = Step(status=401, code="authentication_error", message="invalid x-api-key")
    with model(Step("ready")) as (well, script), model(refusal) as (bad, _):
        agents = {kind: agent(kind, well) for kind in VERSIONS}
        agents["server"] = {**agent("codex", well), "kind": "codex-app-server"}
        agents["wrong"] = agent("claude", bad)
        factory_of(world, monkeypatch, {**agents, "it": agents["claude"]})
        told = world.command("doctor", "--probe", status=1)
    for name in ("claude", "codex", "it", "opencode", "server"):
        assert f"ok    agent {name}: " in told, told
    assert told.count(" s: ready\n") == 5
    assert "bad   agent wrong: auth: " in told and "export ANTHROPIC_API_KEY=… with a key that counts" in told
    assert len(script.asked) == 5
