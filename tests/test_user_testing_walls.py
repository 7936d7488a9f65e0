"""The walls around a tester: where they cannot be put up it is said, and nothing that listens outside answers."""

import os
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from time import sleep

import pytest

from tests.hostile import Scene, needs_bubblewrap, scene  # noqa: F401
from tests.user_testing import PASSES, TRY, WEB, alive, answers, ask, contract, left, mission, shop_is_done
from tests.world import World

pytestmark = pytest.mark.slow  # it starts processes


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A repository whose mission `shop` is looked at again."""
    return World.after(shop_is_done, tmp_path / "repo")


# A bubblewrap that cannot be used within another one, as where AppArmor keeps it from that.
_ALONE = """#!/bin/sh
case " $* " in *" --dev-bind "*) echo "no permission to nest" >&2; exit 1;; esac
exec {real} "$@"
"""


def tick(world: World, programs: Path) -> str:
    """What a pass prints where these programs come first."""
    env = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    asked = [sys.executable, "-m", "factory", "tick"]
    done = subprocess.run(asked, cwd=world.root, env=env, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """A folder with a bubblewrap that does not nest."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "bwrap").write_text(_ALONE.format(real=shutil.which("bwrap")))
    (programs / "bwrap").chmod(0o755)
    return programs


@needs_bubblewrap
def test_where_sandboxes_cannot_be_nested_it_is_said_aloud(world: World, alone: Path) -> None:
    mission(world, {"web": WEB})
    contract(world, PASSES + "done()")
    ask(world)
    said = tick(world, alone)
    assert "WITHOUT A SANDBOX: bubblewrap does not work within bubblewrap here (no permission to nest)" in said
    assert answers(left(world))["VAL-1"]["state"] == "pass"
    (contained,) = [each.sandbox for each in world.journal("shop.m1.testing") if each.sandbox]
    assert "no permission to nest" in contained
    assert not alive(world)


@needs_bubblewrap
def test_a_required_sandbox_that_cannot_be_nested_lets_no_tester_begin(world: World, alone: Path) -> None:
    mission(world, {"web": WEB})
    contract(world, PASSES + "done()")
    world.policy("sandbox: required\n")
    ask(world)
    tick(world, alone)
    assert world.lane("shop.m1.testing") == "blocked"
    assert "sandbox: required, and bubblewrap does not work within bubblewrap" in str(
        world.last("shop.m1.testing").reason
    )


@needs_bubblewrap
def test_no_socket_of_the_machine_answers_a_tester_whenever_it_began_to_listen(scene: Scene) -> None:  # noqa: F811
    world, places = (
        scene.world,
        [scene.place / "home/before", scene.place / "home/meanwhile", scene.place / "home/late"],
    )
    slow = {**WEB, "run": ["sh", "-c", 'sleep 2; exec python3 shop.py "$0"', "{{ port }}"]}
    shop_is_done(world)
    mission(world, {"web": slow})
    tries = f"""
time.sleep(3)
said = []
for place in {[str(place) for place in places]}:
    try:
        socket.socket(socket.AF_UNIX).connect(place)
    except OSError as error:
        said.append(os.path.basename(place) + ": " + str(error))
    else:
        said.append("connected")
leave("evidence/said", "\\n".join(said))
"""
    contract(world, "", worker={"run": ["python3", "-c", TRY + tries + PASSES + "done()"]})
    ask(world)
    with ExitStack() as opened:

        def listen(place: Path) -> None:
            listening = opened.enter_context(socket.socket(socket.AF_UNIX))
            listening.bind(str(place))
            listening.listen()

        def begin() -> None:
            world.until(lambda: any(" shop.py" in each or "sleep 2" in each for each in alive(world)))
            listen(places[1])  # the services are not ready yet
            world.until(lambda: any("VAL-1" in each for each in alive(world)))
            sleep(0.5)
            listen(places[2])

        listen(places[0])
        beginning = threading.Thread(target=begin)
        beginning.start()
        world.tick()
        beginning.join()
    assert left(world)["files/evidence/said"].count("[Errno 111]") == 3


@needs_bubblewrap
def test_gits_folder_is_hidden_wherever_it_lies(scene: Scene) -> None:  # noqa: F811
    world, store = scene.world, scene.place / "elsewhere/store"
    shop_is_done(world)
    world.git("init", "-q", "--separate-git-dir", str(store))
    mission(world, {"web": WEB})
    tries = f'leave("evidence/store", json.dumps([os.path.exists({str(store)!r} + each) for each in ("", "/HEAD")]))\n'
    contract(world, tries + PASSES + "done()")
    ask(world)
    world.tick()
    assert (store / "HEAD").exists()
    assert left(world)["files/evidence/store"] == "[true, false]", "an empty folder"
