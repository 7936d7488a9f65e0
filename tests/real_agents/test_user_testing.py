"""User testing by each real program: it reaches the product and its model, and finds no source to read."""

import json

import pytest

from tests.real_agents.factory_of import agent, factory_of
from tests.real_agents.model import Step, model
from tests.real_agents.programs import VERSIONS
from tests.user_testing import WEB, answers, ask, left, mission, shop_is_done
from tests.world import World

pytestmark = pytest.mark.real_agents

_TRIES = """mkdir -p "$FACTORY_OUT/evidence"; ls -A > "$FACTORY_OUT/evidence/here"; python3 - <<'END'
import json, os, urllib.request
web = json.load(open(os.environ["FACTORY_SERVICES"]))["web"]["url"]
out = os.environ["FACTORY_OUT"]
open(out + "/evidence/cart.txt", "wb").write(urllib.request.urlopen(web + "/cart").read())
found = {"VAL-1": {"state": "pass", "said": "there are two", "evidence": ["evidence/cart.txt"]}}
json.dump({"status": "ok", "data": {"assertions": found}}, open(out + "/result.json", "w"))
END"""


@pytest.mark.parametrize("kind", VERSIONS)
def test_a_real_agent_tries_the_running_product(world: World, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    shop_is_done(world)
    with model(Step("I try it.", run=_TRIES), Step("It holds.")) as (address, script):
        reach = {"network": [address.removeprefix("http://")]}
        factory_of(world, monkeypatch, {"it": {**agent(kind, address), **reach}}, checks=[], apply={"mode": "none"})
        (world.root / "queue/inbox/one.yaml").unlink()
        mission(world, {"web": WEB})
        ask(world, contract="scripted")
        world.tick(drain=True)
    files = left(world)
    assert world.lane("shop.m1.testing") == "done", files["trace.jsonl"] + files["output.log"]
    assert answers(files)["VAL-1"]["state"] == "pass"
    assert files["files/evidence/cart.txt"] == "2 apples"
    assert set(files["files/evidence/here"].split()) <= {".claude", ".opencode"}, "no file of the product"
    assert "shop.py" not in json.dumps(script.asked), "nor is it told of one"
