"""What a run that came to nothing has done was paid for: it is kept, and the next one may go on from there."""

from pathlib import Path

import pytest

from tests.test_agent_programs import with_agent
from tests.test_agent_sessions import program
from tests.world import World

_HALF = {"write": {"path": "half.txt", "text": "half\n"}}
_DIES = {"exit": 1}


def patch_of(world: World, run: int = 1) -> str:
    return world.artifacts("one")[f"run-{run}/patch.diff"]


@pytest.mark.parametrize(
    ("ending", "lane"),
    [
        ([_DIES], "inbox"),
        ([{"result": {"status": "refused", "summary": "No."}}], "blocked"),
        ([{"result": {"status": "blocked", "question": "Which?"}}], "blocked"),
        ([{"result": {"status": "failed", "failure": "auth"}}], "blocked"),
    ],
)
def test_whatever_it_came_to_its_patch_is_kept(world: World, ending: list[dict[str, object]], lane: str) -> None:
    world.item("one", [_HALF, *ending])
    world.tick()
    assert world.lane("one") == lane and "+half" in patch_of(world)
    assert world.command("audit")


def test_a_run_that_was_stopped_leaves_its_patch_and_its_log(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = '{"type": "assistant", "message": {"content": [{"type": "text", "text": "begun"}]}}'
    program(tmp_path / "bin", monkeypatch, "claude", f"#!/bin/sh\necho half > half.txt; echo '{begun}'; sleep 60\n")
    with_agent(world, "claude")
    running = world.start("run")
    live = world.root / ".git/factory/live/one"
    world.until(lambda: live.exists())
    running.terminate()
    running.communicate()
    assert world.lane("one") == "inbox" and world.last("one").failure is None
    assert "+half" in patch_of(world) and "begun" in world.artifacts("one")["run-1/output.log"]
    assert world.command("audit")


def test_the_next_run_goes_on_from_it_where_the_contract_says_so(world: World) -> None:
    world.policy("retry: {initial_ms: 1}\n")
    world.contract("scripted", rework={"keep_failed": True})
    world.item("one", [_HALF, _DIES], [{"write": {"path": "rest.txt", "text": "rest\n"}}])
    world.tick(drain=True)
    assert world.lane("one") == "done"
    assert (world.git("show", "main:half.txt"), world.git("show", "main:rest.txt")) == ("half", "rest")
    assert world.command("audit")


def test_else_it_begins_anew(world: World) -> None:
    world.policy("retry: {initial_ms: 1}\n")
    world.item("one", [_HALF, _DIES], [{"write": {"path": "rest.txt", "text": "rest\n"}}])
    world.tick(drain=True)
    assert world.lane("one") == "done" and not world.git("ls-tree", "main", "half.txt")


def test_it_begins_anew_where_the_patch_does_not_fit_any_more(world: World) -> None:
    world.policy("retry: {initial_ms: 1}\n")
    world.contract("scripted", rework={"keep_failed": True})
    change = {"write": {"path": "program.py", "text": "print('bye')\n"}}
    world.item("one", [change, _DIES], [{"write": {"path": "rest.txt", "text": "rest\n"}}])
    world.tick()
    world.write("program.py", "print('something else')\n")
    world.commit("By hand")
    world.tick(drain=True)
    assert world.lane("one") == "done" and world.git("show", "main:program.py") == "print('something else')"


def test_it_begins_anew_where_it_could_not_take_back_what_it_left(world: World) -> None:
    world.contract("scripted", worker={"run": ["factory-scripted"], "frozen": ["kept.*"]}, rework={"keep_failed": True})
    world.item("one", [_HALF, {"write": {"path": "kept.txt", "text": "k"}}], [_HALF])
    world.tick()
    assert world.last("one").failure == "contract"
    assert "begins anew: kept.txt, which run 1 changed, is frozen" in world.command("tick")
    assert world.lane("one") == "done" and not world.git("ls-tree", "main", "kept.txt")


def shell(world: World, script: str, **worker: object) -> None:
    world.policy("retry: {initial_ms: 1}\n")
    world.contract("scripted", worker={"run": ["sh", "-c", script], **worker}, rework={"keep_failed": True})
    world.write("queue/inbox/one.yaml", "title: One\n")


def test_of_a_patch_with_a_secret_nothing_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "k-0123456789abcdef0123456789")
    later = "echo rest > rest.txt; exit 0"
    leaks = f"[ $FACTORY_RUN = 1 ] || {{ {later}; }}; echo half > half.txt; echo $SOME_KEY > k; exit 1"
    shell(world, leaks, secrets=["SOME_KEY"])
    world.tick(drain=True)
    assert patch_of(world) == "" and world.lane("one") == "done"
    assert not world.git("ls-tree", "main", "half.txt", "k")
    assert "0123456789abcdef" not in world.git("log", "-p", "--all")


def test_of_a_flood_nothing_is_kept(world: World) -> None:
    shell(world, "yes | head -c 1200000 > big.txt; exit 64")
    world.tick()
    assert world.lane("one") == "blocked" and patch_of(world) == ""
