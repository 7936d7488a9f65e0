"""A little shop that testers try: its program, the scripts that try it, and what is left of them."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from factory.execution.cell.pool import cells_root
from tests.world import World

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


def alive(world: World) -> list[str]:
    """What is left of all that ran in a cell of this world: the services, a tester, and what starts them."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it is gone
            if os.fsencode(cells_root(world.root / ".git", None)) in (place / "environ").read_bytes():
                found.append((place / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def shop_is_done(world: World) -> None:
    """The mission `shop` has come to its end: what tests it from now on waits for nobody."""
    world.item("shop")
    world.tick()
    assert world.lane("shop") == "done"
