"""`factory run` as a Symphony user starts and ends it (docs/symphony.md)."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.program import COLD
from tests.world import World


def running(world: World, *arguments: str, cwd: Path | None = None) -> None:
    """It starts with these arguments, works, and ends with 0."""
    process = World(cwd or world.root).start("run", *arguments)
    try:
        world.item("one")
        world.until(lambda: (world.root / "one.txt").exists())
    finally:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=20)
    assert (process.returncode, said.split("\n")[-2]) == (0, "ended")


def test_it_takes_the_path_of_a_repository(world: World, tmp_path: Path) -> None:
    running(world, str(world.root), cwd=tmp_path)


def test_it_takes_the_path_of_a_workflow(world: World, tmp_path: Path) -> None:
    running(world, os.path.relpath(world.root / "WORKFLOW.md", tmp_path), cwd=tmp_path)


def test_without_a_path_it_works_where_one_stands(world: World) -> None:
    running(world)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nowhere/WORKFLOW.md", "there is no nowhere/WORKFLOW.md"),
        ("nowhere", "there is no nowhere"),
        ("program.py", "program.py is not the WORKFLOW.md of a repository"),
        ("docs/WORKFLOW.md", "docs/WORKFLOW.md is not the WORKFLOW.md of a repository"),
    ],
)
def test_a_path_that_is_no_workflow_ends_with_2_and_says_so(world: World, path: str, said: str) -> None:
    world.write("docs/WORKFLOW.md", "Some other.\n")
    told = world.command("run", path, status=2)
    assert said in told and "next: factory run" in told and "Traceback" not in told


def test_without_a_workflow_it_ends_with_3_and_says_what_to_do(world: World) -> None:
    world.git("rm", "-q", "WORKFLOW.md")
    world.git("commit", "-q", "-m", "Away with it")
    told = world.command("run", status=3)
    assert "there is no WORKFLOW.md" in told and "factory init" in told


def test_a_port_that_is_taken_ends_it_with_2_and_says_so(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = world.command("run", "--port", port, status=2)
    assert f"nothing can be served at 127.0.0.1, port {port}" in told and "next: another one" in told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_0_and_gives_the_work_back(world: World, number: int) -> None:
    world.item("one", [{"say": "x"}, {"sleep": 60}])
    process = world.start("run")
    world.until(lambda: (world.root / ".git/factory/heartbeats/one").exists())
    process.send_signal(number)
    said, _ = process.communicate(timeout=20)
    assert process.returncode == 0, said
    assert (world.lane("one"), world.last("one").failure) == ("inbox", None)


@pytest.mark.parametrize(
    ("streams", "why"),
    [("| head -n 1 >&3", "nobody reads"), (">&- 2>&- <&-", "closed"), ("> /dev/full 2> /dev/full", "full")],
    ids=["closed-pipe", "closed", "full"],
)
def test_no_dead_stream_ends_it_or_makes_its_end_a_failure(world: World, streams: str, why: str) -> None:
    # given one whose output goes nowhere, started by a shell that tells how it ended
    command = " ".join(COLD)
    script = f"{{ {command} run & pid=$!; echo $pid > .git/pid; wait $pid; echo $? > .git/code; }} {streams}"
    shell = subprocess.Popen(["bash", "-c", f"exec 3>/dev/null; {script}"], cwd=world.root, start_new_session=True)
    try:
        for item_id in ("one", "two"):
            world.item(item_id)
            world.until(lambda item_id=item_id: (world.root / f"{item_id}.txt").exists())  # type: ignore[misc]
    finally:
        os.kill(int((world.root / ".git/pid").read_text()), signal.SIGTERM)
        shell.wait(timeout=20)
    assert (world.root / ".git/code").read_text() == "0\n"
    assert world.git("status", "--porcelain") == "" and world.lane("two") == "done"
    assert sys.executable in command
