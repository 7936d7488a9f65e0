"""User testing: a tester meets the running product, and nothing that says how it was made."""

import json
from collections.abc import Mapping

import pytest

from tests.world import World

pytestmark = pytest.mark.slow  # it starts processes

SHOP = """import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

class Shop(BaseHTTPRequestHandler):
    def do_GET(self):
        seen = Path(os.environ["HOME"], "seen")
        seen.write_text(seen.read_text() + "." if seen.exists() else ".")
        known = {"/health": "fine", "/cart": "2 apples", "/seen": seen.read_text(), "/where": os.getcwd()}
        body = known.get(self.path, "").encode()
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body)

print("the shop opens", flush=True)
HTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
"""
WEB: dict[str, object] = {"run": ["python3", "shop.py", "{{ port }}"], "ready": {"http": "/health"}, "seconds": 10}
TRY = """import json, os, pathlib, socket, subprocess, sys, time, urllib.request
services = json.loads(pathlib.Path(os.environ["FACTORY_SERVICES"]).read_text())
out = pathlib.Path(os.environ["FACTORY_OUT"])
answers = {}

def get(path, name="web"):
    return urllib.request.urlopen(services[name]["url"] + path, timeout=5).read()

def leave(name, data):
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    return name

def says(assertion, state, *evidence, said=""):
    answers[assertion] = {"state": state, "said": said, "evidence": list(evidence)}

def done(**more):
    result = {"status": "ok", "confidence": 1.0, "data": {"assertions": answers}, **more}
    (out / "result.json").write_text(json.dumps(result))
"""
PASSES = 'says("VAL-1", "pass", leave("evidence/cart.txt", get("/cart")))\n'
ASKED = ("VAL-1",)


def contract(world: World, code: str, name: str = "test", **keys: object) -> None:
    """A contract whose worker is a script that has the services to try."""
    worker = {"run": ["python3", "-c", TRY + code]}
    world.contract(name, **{"worker": worker, "apply": {"mode": "none"}, "rework": {"max_rounds": 1}, **keys})


def mission(world: World, services: Mapping[str, object]) -> None:
    """The services of the mission `shop`, committed with the program that they run."""
    world.write("shop.py", SHOP)
    world.write("contracts/missions/shop/services.yaml", json.dumps({"services": services}))
    world.commit("A shop")


def ask(world: World, item_id: str = "shop.m1.testing", asked: tuple[str, ...] = ASKED, contract: str = "test") -> None:
    """What the factory files to have a milestone tried."""
    acceptance = [{"id": each, "text": f"{each} holds"} for each in asked]
    item = {"title": "Try m1", "contract": contract, "mission": "shop", "milestone": "m1", "validates": "testing"}
    world.write(f"queue/inbox/{item_id}.yaml", json.dumps({**item, "acceptance": acceptance}))


def tried(world: World, code: str, services: Mapping[str, object] | None = None) -> dict[str, str]:
    """What a run leaves in which a tester does this, by name."""
    mission(world, {"web": WEB} if services is None else services)
    contract(world, code)
    ask(world)
    world.tick()
    return left(world)


def left(world: World, item_id: str = "shop.m1.testing") -> dict[str, str]:
    return {name.removeprefix("run-1/"): text for name, text in world.artifacts(item_id).items()}


def answers(files: Mapping[str, str]) -> dict[str, dict[str, object]]:
    found = json.loads(files["result.json"])["data"]["assertions"]
    assert isinstance(found, dict)
    return found


def test_a_pass_is_kept_with_its_evidence_and_what_the_service_printed(world: World) -> None:
    files = tried(world, PASSES + "done()")
    assert answers(files)["VAL-1"]["state"] == "pass"
    assert files["files/evidence/cart.txt"] == "2 apples"
    assert "the shop opens" in files["services/web.log"] and "GET /cart" in files["services/web.log"]
    listed = json.loads(files["manifest.json"])["files"]
    assert listed["files/evidence/cart.txt"]["by"] == "worker"
    assert listed["services/web.log"]["by"] == "factory"
