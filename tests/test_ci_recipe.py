"""The script in docs/ci.md, run as a CI job runs it: in a fresh clone of a remote each time."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.world import SCRIPTED, World

DOCS = Path(__file__).parents[1] / "docs" / "ci.md"
STUCK: list[dict[str, object]] = [{"result": {"status": "blocked", "question": "which one?"}}]


def _job(
    remote: Path, place: Path, *, depth: int | None = None, branch: str = "", local: str = ""
) -> tuple[int, str, World]:
    """One CI job; its exit status, what it printed, and its clone, which may be of one branch and have another."""
    more = [*(["--depth", str(depth)] if depth else []), *(["--branch", branch] if branch else [])]
    subprocess.run(["git", "clone", "-q", *more, remote.as_uri(), str(place)], check=True)
    if local:
        World(place).git("branch", "-q", "--no-track", local, f"origin/{local}")
        World(place).git("remote", "set-branches", "origin", branch)
        World(place).git("update-ref", "-d", f"refs/remotes/origin/{local}")
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


def _with_a_queue_of_its_own(tmp_path: Path) -> tuple[World, Path]:
    """A person's clone that shows the queue, and the remote; an item waits, and the target has none of it."""
    (tmp_path / "app").mkdir()
    world = World(tmp_path / "app")
    world.git("init", "-q", "-b", "main")
    world.write("program.py", "print('hello')\n")
    world.commit("The program")
    world.command("init", "--branch", "queue")
    world.git("switch", "-q", "queue")
    world.write("contracts/change.yaml", SCRIPTED)
    world.item("one", contract="change")
    world.commit("Ask for one")
    return world, _remote(world, tmp_path)


@pytest.mark.parametrize(("stands_on", "local"), [("queue", ""), ("main", ""), ("main", "queue")])
def test_with_a_queue_of_its_own_the_target_is_published_in_the_same_push(
    tmp_path: Path, stands_on: str, local: str
) -> None:
    world, remote = _with_a_queue_of_its_own(tmp_path)
    status, said, _ = _job(remote, tmp_path / "clone", branch=stands_on, local=local)
    assert status == 0, said
    assert "moved: main, queue" in said
    # then whoever clones has the change, and the item that says so
    world.git("fetch", "-q", "origin")
    assert world.lane("one", "origin/queue") == "done"
    assert world.git("show", "origin/main:one.txt") == "one"
    world.git("reset", "-q", "--hard", "origin/queue")
    world.git("branch", "-f", "main", "origin/main")
    world.command("audit", status=0)


def test_what_a_person_pushes_to_the_target_meanwhile_is_taken_in_with_both_branches(tmp_path: Path) -> None:
    world, remote = _with_a_queue_of_its_own(tmp_path)
    world.git("switch", "-q", "main")
    world.write("theirs.txt", "theirs\n")
    world.commit("Theirs")
    hook = remote / "hooks" / "pre-receive"
    env = "env -u GIT_DIR -u GIT_QUARANTINE_PATH -u GIT_OBJECT_DIRECTORY -u GIT_ALTERNATE_OBJECT_DIRECTORIES"
    hook.write_text(f"#!/bin/sh\nrm {hook}; cd {world.root} && {env} git push -q origin main; exit 1\n")
    hook.chmod(0o755)
    status, said, clone = _job(remote, tmp_path / "clone", branch="queue")
    assert status == 0, said
    for branch in ("main", "queue"):
        assert clone.git("rev-parse", branch) == clone.git("ls-remote", "origin", f"refs/heads/{branch}").split()[0]
    assert clone.git("show", "main:theirs.txt") == "theirs"
    assert clone.git("show", "main:one.txt") == "one"
    assert clone.lane("one", "queue") == "done"
    clone.command("audit", status=0)


def test_of_two_branches_neither_is_published_when_one_is_refused(tmp_path: Path) -> None:
    _, remote = _with_a_queue_of_its_own(tmp_path)
    hook = remote / "hooks" / "update"
    hook.write_text('#!/bin/sh\ntest "$1" != refs/heads/main\n')
    hook.chmod(0o755)
    status, _, clone = _job(remote, tmp_path / "clone", branch="queue")
    assert status == 1
    for branch in ("main", "queue"):
        assert clone.git("rev-parse", f"origin/{branch}") == clone.git("ls-remote", "origin", branch).split()[0]
    assert clone.lane("one", "origin/queue") == "inbox"
