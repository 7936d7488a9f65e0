"""The script in docs/ci.md, run as a CI job runs it: in a fresh clone of a remote each time."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.world import World

DOCS = Path(__file__).parents[1] / "docs" / "ci.md"
STUCK: list[dict[str, object]] = [{"result": {"status": "blocked", "question": "which one?"}}]


def _job(remote: Path, place: Path, *, depth: int | None = None) -> tuple[int, str, World]:
    """One CI job; its exit status, what it printed, and its clone."""
    more = ["--depth", str(depth)] if depth else []
    subprocess.run(["git", "clone", "-q", *more, remote.as_uri(), str(place)], check=True)
    found = re.search(r"```sh\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert found is not None
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-c", found[1]], cwd=place, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr, World(place)


def _remote(world: World, tmp_path: Path) -> Path:
    remote = tmp_path / "remote.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(world.root), str(remote)], check=True)
    world.git("remote", "add", "origin", str(remote))
    return remote


def test_a_blocked_item_is_published_before_the_job_fails_and_is_not_done_again(world: World, tmp_path: Path) -> None:
    world.item("stuck", STUCK)
    world.item("good")
    world.write("queue/inbox/bad.yaml", "titel: no such key\n")
    world.commit()
    remote = _remote(world, tmp_path)
    # when two jobs run, each in a clone of its own
    status, said, _ = _job(remote, tmp_path / "first")
    assert status == 1, said
    assert "queue/inbox/bad.yaml:1:1" in said
    status, said, second = _job(remote, tmp_path / "second")
    # then the second knows what the first has done, and does none of it again
    assert status == 1, said
    assert (second.lane("stuck"), second.lane("good")) == ("blocked", "done")
    assert second.last("stuck").run == 1
    assert second.git("rev-parse", "HEAD") == second.git("rev-parse", "origin/main")


def test_a_job_in_a_shallow_clone_fetches_what_it_lacks(world: World, tmp_path: Path) -> None:
    world.item("one")
    world.commit()
    status, said, clone = _job(_remote(world, tmp_path), tmp_path / "clone", depth=1)
    assert status == 0, said
    assert clone.lane("one") == "done"


def test_what_a_person_pushes_meanwhile_is_taken_in_once(world: World, tmp_path: Path) -> None:
    world.contract("slow", worker={"run": ["sh", "-c", "sleep 0 && echo one > one.txt"]})
    world.item("one", contract="slow")
    world.commit()
    remote = _remote(world, tmp_path)
    # given a hook that stands for a person who pushes just before the job does
    other = tmp_path / "other"
    subprocess.run(["git", "clone", "-q", str(remote), str(other)], check=True)
    person = World(other)
    person.write("theirs.txt", "theirs\n")
    person.commit("Theirs")
    hook = remote / "hooks" / "pre-receive"
    env = "env -u GIT_DIR -u GIT_QUARANTINE_PATH -u GIT_OBJECT_DIRECTORY -u GIT_ALTERNATE_OBJECT_DIRECTORIES"
    once = f"rm {hook}; cd {other} && {env} git push -q origin HEAD:main; exit 1"
    hook.write_text(f"#!/bin/sh\n{once}\n")
    hook.chmod(0o755)
    status, said, clone = _job(remote, tmp_path / "clone")
    assert status == 0, said
    assert clone.git("rev-parse", "HEAD") == clone.git("ls-remote", "origin", "main").split()[0]
    assert (clone.root / "theirs.txt").exists() and clone.lane("one") == "done"
    assert clone.command("audit", status=0)
