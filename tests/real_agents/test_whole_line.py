"""Each real program through the whole line: wrong, sent back, right in the same session, judged by another, merged."""

import json

import pytest

from tests.real_agents.factory_of import agent, factory_of
from tests.real_agents.model import Step, model
from tests.real_agents.programs import VERSIONS
from tests.world import World

pytestmark = pytest.mark.real_agents

_JUDGES = {"claude": "codex", "codex": "opencode", "opencode": "claude"}
_VERDICT = (
    "printf 'subject: %s\\npatch: sha256:%s\\ndecision: approve\\n' "
    '"$FACTORY_SUBJECT" "$(sha256sum < "$FACTORY_PATCH" | cut -d" " -f1)" > "$FACTORY_OUT/verdict.yaml"'
)


@pytest.mark.parametrize("kind", VERSIONS)
def test_a_real_agent_is_sent_back_goes_on_and_is_merged(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    first = Step("I write it.", run="echo wrong > a.txt"), Step("I have written it.")
    second = Step("I see.", run="echo right > a.txt"), Step("Now it is right.")
    judged = Step("I look.", run=_VERDICT), Step("It is good.")
    with model(*first, *second) as (worker, script), model(*judged) as (judge, _):
        factory_of(
            world,
            monkeypatch,
            {"it": agent(kind, worker), "critic": agent(_JUDGES[kind], judge)},
            review={
                "seats": [{"name": "tests", "kind": "checks"}, {"name": "critic", "kind": "agent", "agent": "critic"}]
            },
        )
        world.tick(drain=True)
    assert world.lane("one") == "done", world.last("one")
    assert world.events("one") == ["submit", "start", "deliver", "rework", "start", "deliver", "finish"]
    assert world.git("show", "main:a.txt") == "right"
    went_on = json.dumps(script.asked[2])
    assert "I have written it." in went_on and "check right" in went_on  # in the same conversation, told what is wrong
    told = [entry.agent for entry in world.journal("one") if entry.agent]
    assert len({each.session for each in told}) == 1 and told[0].session
    if kind != "opencode":  # which does not tell its version
        assert kind == "codex" or told[0].version == VERSIONS[kind]
    # What was used in the session before the second run is not counted again.
    seat = 2
    assert [entry.usage.output_tokens for entry in world.journal("one") if entry.usage] == [20, 10 * (2 + seat)]
    assert world.command("audit")
