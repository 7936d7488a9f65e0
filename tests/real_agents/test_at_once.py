"""Four real programs at work at once: each for its own item, and none of them is left when the factory is stopped."""

import os
import signal
from pathlib import Path

import pytest

from tests.real_agents.factory_of import agent, factory_of
from tests.real_agents.model import Step, model
from tests.world import World

pytestmark = pytest.mark.real_agents

_WORKS = Step("I write it.", run="sleep 600 & echo right > a.txt")  # and something that outlives its tool call


def below(folder: Path) -> list[int]:
    """The processes of this machine that have something to do with a folder, by their argv or the place they are in."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit() and int(place.name) != os.getpid():
            try:
                told = (place / "cmdline").read_bytes() + bytes((place / "cwd").readlink())
            except OSError:
                continue  # it has just ended, or is somebody else's
            found += [int(place.name)] if str(folder).encode() in told else []
    return found


def test_stopping_the_factory_leaves_nothing_of_four_agents_at_work(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with model(_WORKS, _WORKS, _WORKS, _WORKS, Step(hang=True)) as (address, script):
        server = {**agent("codex", address), "kind": "codex-app-server"}
        kinds = {kind: agent(kind, address) for kind in ("claude", "codex", "opencode")} | {"server": server}
        factory_of(world, monkeypatch, {"it": kinds["claude"], **kinds}, "agent: {max_concurrent_agents: 4}\n")
        for name in kinds:
            world.contract(name, worker={"agent": name}, limits={"minutes": 5})
            world.write(f"queue/inbox/{name}.yaml", f"title: Write right into a.txt\ncontract: {name}\n")
        (world.root / "queue/inbox/one.yaml").unlink()
        running = world.start("run")
        try:
            # each has had its first answer, and waits for the next one
            world.until(lambda: len(script.asked) >= 2 * len(kinds), 120)
            assert {world.lane(name) for name in kinds} == {"active"}
            assert len(below(tmp_path)) > len(kinds)
            script.over.set()
            running.send_signal(signal.SIGTERM)
            running.communicate()
        finally:
            script.over.set()
            for each in below(tmp_path) if running.poll() is None else ():
                os.kill(each, signal.SIGKILL)
    assert running.returncode == 0
    left = below(tmp_path)
    assert left == [], [Path(f"/proc/{each}/cmdline").read_bytes() for each in left]
    assert {world.lane(name) for name in kinds} == {"inbox"}
    assert world.command("audit")
