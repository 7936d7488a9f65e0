"""Commands after each write, with the real program: it is told what fails, before it ends, and puts it right."""

import json

import pytest

from tests.real_agents.factory_of import agent, factory_of
from tests.real_agents.model import Step, model
from tests.world import World

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
