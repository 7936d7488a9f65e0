"""User testing by a browser, and by coding agents: what drives the running page is the tester's own choice."""

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile import needs_bubblewrap
from tests.missions import Mission, feature, milestone
from tests.test_agent_programs import stand_in
from tests.user_testing import ASKED, PASSES, SHOP, TRY, WEB, answers, ask, contract, left, mission, shop_is_done
from tests.world import World

pytestmark = pytest.mark.slow  # it starts processes


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A repository whose mission `shop` is looked at again."""
    return World.after(shop_is_done, tmp_path / "repo")


_PAGE = """<html><body><h1 id="sum">loading</h1><script>
fetch("/cart").then(answer => answer.text()).then(text => document.getElementById("sum").textContent = text + "!")
</script></body></html>"""
_DRIVES = """
chromium = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--window-size=400,300",
            "--virtual-time-budget=3000"]
page = services["web"]["url"] + "/page"
(out / "evidence").mkdir()
subprocess.run([*chromium, f"--screenshot={out}/evidence/cart.png", page], check=True, timeout=60)
dom = subprocess.run([*chromium, "--dump-dom", page], check=True, timeout=60, capture_output=True).stdout
leave("evidence/cart.html", dom)
says("VAL-1", "pass" if b"2 apples!" in dom else "fail", "evidence/cart.html", "evidence/cart.png")
done()"""


def chromium_problem() -> str:
    """Why no browser can be driven here; empty when one can."""
    if shutil.which("chromium") is None:
        return "chromium is not installed (apt-get install chromium)"
    try:
        done = subprocess.run(["chromium", "--version"], capture_output=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return "chromium does not even say its version"
    return "" if done.returncode == 0 else f"chromium does not work here: {done.stderr.decode(errors='replace')[-200:]}"


def with_page(world: World) -> None:
    """A shop whose page asks for the cart by a script."""
    mission(world, {"web": WEB})
    served = world.read("shop.py").replace('"/cart"', f'"/page": {_PAGE!r}, "/cart"', 1)
    world.write("shop.py", served)
    world.commit("A page")


def test_a_browser_is_driven_against_the_running_page_and_its_screenshot_kept(world: World) -> None:
    problem = chromium_problem()
    if problem:
        pytest.skip(problem)
    with_page(world)
    contract(world, _DRIVES)
    ask(world)
    world.tick()
    assert world.lane("shop.m1.testing") == "done", left(world)["output.log"]
    files = left(world)
    assert answers(files)["VAL-1"]["state"] == "pass"
    assert '<h1 id="sum">2 apples!</h1>' in files["files/evidence/cart.html"]
    shown = subprocess.run(
        ["git", "show", f"main:{_path(world)}"], cwd=world.root, capture_output=True, check=True
    ).stdout
    assert shown.startswith(b"\x89PNG\r\n") and int.from_bytes(shown[16:20]) == 400, "as wide as the window"
    listed = json.loads(files["manifest.json"])["files"]["files/evidence/cart.png"]
    assert listed["bytes"] == len(shown) and listed["by"] == "worker"
    world.factory("audit")


def test_a_mission_is_at_its_end_once_a_browser_has_seen_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = chromium_problem()
    if problem:
        pytest.skip(problem)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    world = World.create(tmp_path / "repo")
    made = SHOP.replace('"/cart"', f'"/page": {_PAGE!r}, "/cart"', 1)
    wrong = made.replace("2 apples", "3 apples")
    shop = Mission(
        world, {"shop.page": {"write": {"shop.py": wrong}}, "shop.fix-1": {"write": {"shop.py": made + "# right\n"}}}
    )
    world.write("contracts/missions/shop/services.yaml", json.dumps({"services": {"web": WEB}}))
    world.commit("How it is served")
    contract(world, _DRIVES, name="testing")
    said: dict[str, object] = {
        "id": "VAL-1",
        "text": "The page says that there are 2 apples",
        "by": "user-testing",
        "paths": ["shop.py"],
    }
    shop.plan([said], milestone("m1", feature("page", "VAL-1")))
    shop.drain()
    assert world.lane("shop") == "done", world.last("shop")
    assert shop.states() == {"VAL-1": "passed"}
    first, second = ("shop.m1.testing", "shop.m1.testing-2")
    assert answers(left(world, first))["VAL-1"]["state"] == "fail", "no check could see it"
    assert "3 apples!" in left(world, first)["files/evidence/cart.html"]
    assert "2 apples!" in left(world, second)["files/evidence/cart.html"]
    assert "files/evidence/cart.png" in json.loads(left(world, second)["manifest.json"])["files"]
    world.command("audit")


def _path(world: World) -> str:
    named = world.git("ls-tree", "-r", "--name-only", "main", "artifacts").split("\n")
    return next(each for each in named if each.endswith("/cart.png"))


@needs_bubblewrap
@pytest.mark.parametrize("agent", ["claude", "codex", "opencode"])
def test_a_coding_agent_tries_the_services_too(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agent: str
) -> None:
    recorded = Path(__file__).parent / f"fixtures/agent_cli/{agent}.ok.out"
    code = base64.b64encode(f"{TRY}{PASSES}leave('evidence/here', str(os.listdir('.')))\ndone()".encode()).decode()
    work = f"""echo {code} | base64 -d | python3 -"""
    stand_in(tmp_path / "bin", monkeypatch, agent, recorded.read_bytes(), 0, work)
    mission(world, {"web": WEB})
    world.policy(f"agents: {{it: {{kind: {agent}}}}}\n")
    contract(world, "", worker={"agent": "it"})
    ask(world, asked=ASKED)
    world.tick()
    files = left(world)
    assert answers(files)["VAL-1"]["state"] == "pass", files["output.log"]
    assert (files["files/evidence/cart.txt"], files["files/evidence/here"]) == ("2 apples", "[]")
