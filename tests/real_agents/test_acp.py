"""A real agent that speaks the Agent Client Protocol through the whole line: sent back, it goes on in its session."""

import json

import pytest

from tests.real_agents.factory_of import agent, factory_of
from tests.real_agents.model import Step, model
from tests.world import World

pytestmark = pytest.mark.real_agents
_SETTINGS = "OPENCODE_CONFIG_CONTENT"


def test_it_is_sent_back_and_goes_on_in_its_session(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("acp")
    steps = [Step("I write it.", run="echo wrong > a.txt"), Step("Done."), Step("I see.", run="echo right > a.txt")]
    with model(*steps, Step("Done again.")) as (address, script):
        options = {"baseURL": f"{address}/v1", "apiKey": "{env:OPENAI_API_KEY}"}
        provider = {"npm": "@ai-sdk/openai-compatible", "options": options, "models": {"m": {}}}
        settings = {"autoupdate": False, "model": "factory/m", "provider": {"factory": provider}}
        monkeypatch.setenv(_SETTINGS, json.dumps(settings))
        off = {"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_EXPERIMENTAL_DISABLE_FILEWATCHER": "1"}
        for name, value in off.items():
            monkeypatch.setenv(name, value)
        known = agent("opencode", address)
        it = {"kind": "acp", "run": ["opencode", "acp"], "secrets": known["secrets"], "network": True}
        factory_of(world, monkeypatch, {"it": {**it, "env": [_SETTINGS, *off, "OPENCODE_DISABLE_MODELS_FETCH"]}})
        world.tick(drain=True)
    assert world.lane("one") == "done", world.last("one")
    went_on = json.dumps(script.asked[2])
    assert "I write it." in went_on and "check right" in went_on  # in the same session, told what is wrong
    assert len({entry.agent.session for entry in world.journal("one") if entry.agent}) == 1
