"""`factory run` outlives what a machine and its people do to it: it tells, waits and tries again."""

import os
import resource
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from factory.line.orchestrator import Orchestrator
from factory.line.tick import tick
from factory.store.repository import disk
from factory.store.repository.repository import Repository
from tests.test_crash import STRACE, needs_strace
from tests.witness import Background, assert_nothing_left, wait_for
from tests.world import World, say_nothing


@contextmanager
def running(world: World, *before: str) -> Iterator[Background]:
    """The orchestrator at work, until the test has seen enough."""
    living = Background(world, "run", before=before)
    assert living.process.stdout is not None
    assert "watching" in living.process.stdout.readline()
    time.sleep(0.5)  # for its first pass
    try:
        yield living
    finally:
        with suppress(ProcessLookupError):
            os.killpg(living.process.pid, signal.SIGINT)
        status, _, err = living.end()
        assert "Traceback" not in err
        assert status == 0, err


@pytest.mark.parametrize(
    ("limit", "least"),
    [(resource.RLIMIT_NOFILE, 4), (resource.RLIMIT_FSIZE, 0)],
    ids=["too many open files", "no file may grow"],
)
def test_it_waits_while_the_system_refuses_and_goes_on_afterwards(world: World, limit: int, least: int) -> None:
    world.policy("polling: {interval_ms: 300}")
    with running(world) as living:
        # given a system that refuses, while there is work
        before = resource.prlimit(living.process.pid, limit)
        resource.prlimit(living.process.pid, limit, (least, before[1]))
        world.item("one")
        time.sleep(1.5)
        assert living.process.poll() is None
        assert world.git("ls-tree", "-r", "--name-only", "main", "queue/done") == "queue/done/.gitkeep"
        # when there is room again
        resource.prlimit(living.process.pid, limit, before)
        # then it goes on by itself
        wait_for(lambda: "/one.yaml" in world.git("ls-tree", "-r", "--name-only", "main", "queue/done"), 20)
    assert_nothing_left(world)


def test_a_deleted_folder_that_is_made_again_is_watched_again(world: World) -> None:
    world.policy("polling: {interval_ms: 600000}")
    with running(world):
        for number in range(2):
            shutil.rmtree(world.root / "queue/inbox")
            time.sleep(0.4)
            world.item(f"item-{number}")
            wait_for(lambda number=number: (world.root / f"item-{number}.txt").exists())


@needs_strace
def test_without_file_watches_it_looks_by_itself(world: World) -> None:
    assert STRACE is not None
    world.policy("polling: {interval_ms: 600000}")
    inject = "inject=inotify_init1:error=EMFILE"
    with running(world, STRACE, "-f", "-qq", "-o", "/dev/null", "-e", "trace=inotify_init1", "-e", inject):
        time.sleep(1)
        world.item("one")
        wait_for(lambda: (world.root / "one.txt").exists(), 20)


def test_a_proposal_that_git_threw_away_ends_its_own_run_alone(world: World) -> None:
    # given a run whose proposal is pruned while its checks run
    world.policy("sandbox: off\nretry: {initial_ms: 50}")
    prune = ["sh", "-c", "git prune --expire=now"]  # from within the cell, which is a worktree of the repository
    world.contract("pruned", checks=[{"name": "prune", "run": prune}], retry={"max_attempts": 1})
    world.item("gone", contract="pruned")
    world.tick()
    # then the line goes on, and the item is judged or tried again, as after a crash
    world.item("other")
    world.tick()
    assert world.lane("other") == "done"
    failures = {str(entry.failure) for entry in world.journal("gone") if entry.failure}
    assert failures <= {"crash"}


@pytest.mark.parametrize("doomed", ["worktree", "write-tree", "merge-tree"])
def test_a_git_that_is_killed_is_a_crash_and_asks_nobody_to_correct_anything(
    world: World, doomed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.policy("retry: {initial_ms: 100000}")
    world.item("one")
    world.tick() if doomed == "merge-tree" else None
    real, shims = shutil.which("git"), world.root.parent / "shims"
    shims.mkdir()
    (shims / "git").write_text(f'#!/bin/sh\ncase " $* " in *" {doomed} "*) kill -9 $$;; esac\nexec {real} "$@"\n')
    (shims / "git").chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{shims}{os.pathsep}{os.environ['PATH']}")
        said = world.factory("tick", status=None)
    assert "Traceback" not in said
    failures = {str(entry.failure) for entry in world.journal("one") if entry.failure}
    assert failures <= {"crash"}
    assert "correct the contract" not in said


def test_the_reflog_says_what_each_move_was_and_when(world: World) -> None:
    world.item("one")
    first = int(time.time())
    repository = Repository(world.root)
    try:
        orchestrator = Orchestrator(repository, say_nothing)
        with orchestrator.holding():
            tick(orchestrator)
            time.sleep(1.1)
            world.item("two", text="hold: true\n")
            second = int(time.time())
            tick(orchestrator)
    finally:
        repository.close()
    newest, *earlier = world.git("reflog", "show", "--date=unix", "main", "--format=%gd %gs").split("\n")
    assert newest.endswith("factory: take in queue/inbox/two.yaml")
    assert int(newest.partition("{")[2].partition("}")[0]) >= second > first
    assert any(line.endswith("factory: one review -> done (run 1)") for line in earlier)


def test_a_file_that_git_cleans_up_before_it_has_its_name_is_written_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`git gc --prune=now` takes half-written files away too, and at any moment."""
    repository = Repository(world.root)
    kept = repository.objects.add("blob", b"print('hello')\n")  # which a commit holds
    new = repository.objects.add("blob", b"in no pack\n")
    written = disk._write_synced
    meddled: list[Path] = []

    def then_cleaned(path: Path, data: bytes) -> None:
        written(path, data)
        if not meddled:
            world.git("gc", "-q", "--prune=now")
        meddled.append(path)

    world.git("gc", "-q", "--prune=now")
    monkeypatch.setattr(disk, "_write_synced", then_cleaned)
    repository.objects.flush()
    repository.close()
    assert meddled
    assert world.git("cat-file", "blob", kept) == "print('hello')"
    assert world.git("cat-file", "blob", new) == "in no pack"
