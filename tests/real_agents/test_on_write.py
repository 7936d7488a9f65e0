"""Commands after each write, with the real programs: they are told what fails, before they end, and put it right."""

import json

import pytest

from tests.real_agents.factory_of import agent, factory_of
from tests.real_agents.model import Step, model
from tests.world import World

LOOKS = ["sh", "-c", "grep -q right a.txt || { printf 'right %s\\n' 'it is not'; exit 1; }"]
pytestmark = pytest.mark.real_agents


def test_it_is_told_what_fails_as_soon_as_it_has_written_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    place = str(world.root / "a.txt")
    wrong = Step("I write.", tool="Write", given={"file_path": place, "content": "wrong\n"})
    change = {"file_path": place, "old_string": "wrong", "new_string": "right"}
    looks = ["sh", "-c", "grep -q right a.txt || { echo it is not right yet; exit 1; }"]
    with model(wrong, Step("I see.", tool="Edit", given=change), Step("Done.")) as (address, script):
        factory_of(world, monkeypatch, {"it": agent("claude", address)}, worker={"agent": "it", "on_write": [looks]})
        world.tick(drain=True)
    assert world.events("one") == ["submit", "start", "deliver", "finish"], world.last("one")
    before, after = (json.dumps(script.asked[number]["messages"]) for number in (0, 1))
    assert "it is not right yet" not in before
    assert ": it is not right yet" in after
    assert json.dumps(script.asked[2]["messages"]).count(": it is not right yet") == 1


def test_an_app_server_is_told_in_its_turn(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [Step("I write.", run="echo wrong > a.txt"), Step("I wait.", run="sleep 3"), Step("So?", run="sleep 1")]
    steps += [
        Step("I see.", run="echo right > a.txt"),
        Step("I tell it.", tool="queue_item", given={"action": "deliver"}),
    ]
    with model(*steps, Step("Done.")) as (address, script):
        server = {**agent("codex", address), "kind": "codex-app-server"}
        factory_of(world, monkeypatch, {"it": server}, worker={"agent": "it", "on_write": [LOOKS]})
        world.tick(drain=True)
    assert world.events("one") == ["submit", "start", "deliver", "finish"], world.last("one")
    asked = [json.dumps(each) for each in script.asked]
    assert "right it is not" not in asked[1] and "right it is not" in asked[3]


@pytest.mark.parametrize("kind", ["codex", "opencode"])
def test_others_read_it_in_the_file(world: World, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    waits = "for n in 1 2 3 4 5 6 7 8 9; do test -s $FACTORY_ON_WRITE && break; sleep 0.5; done; cat $FACTORY_ON_WRITE"
    steps = [Step("I write.", run="echo wrong > a.txt"), Step("And?", run=waits)]
    with model(*steps, Step("I see.", run="echo right > a.txt"), Step("Done.")) as (address, script):
        factory_of(world, monkeypatch, {"it": agent(kind, address)}, worker={"agent": "it", "on_write": [LOOKS]})
        world.tick(drain=True)
    assert world.events("one") == ["submit", "start", "deliver", "finish"], world.last("one")
    assert "right it is not" in json.dumps(script.asked[2])
