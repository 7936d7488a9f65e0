"""State survives a crash at any instant: killed anywhere, the next tick goes on as if nothing had happened."""

import os
import random
import shutil
import signal
import subprocess
import time
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from factory.store.system import MACHINE
from tests.witness import (
    Background,
    assert_history_agrees,
    assert_nothing_left,
    cells_of,
    processes_in,
    wait_for,
)
from tests.world import World

STRACE = shutil.which("strace")
needs_strace = pytest.mark.skipif(STRACE is None, reason="strace is not installed")

# How many points of each kind of call a pass is killed at, spread evenly over all calls of that kind.
KILLS = {
    "rename": 9,
    "link": 3,
    "linkat": 3,
    "unlink": 5,
    "fsync": 5,
    "write": 5,
    "unlinkat": 2,
    "mkdir": 2,
    "openat": 3,
}
POINTS = [(call, round((number + 0.5) / many, 2)) for call, many in KILLS.items() for number in range(many)]
_calls: dict[str, int] = {}


def begun(world: World) -> None:
    world.write("gone/away.txt", "away\n")
    world.write("changed.txt", "before\n")
    world.commit("Files")
    world.item("reviewed", [{"write": {"path": "changed.txt", "text": "after\n"}}], contract="reviewed")
    world.tick()
    world.verdict("reviewed", "approve")
    world.item("maker", [{"write": {"path": "new/made.txt", "text": "made\n"}}])
    world.item("remover", [{"delete": "gone/away.txt"}])


@pytest.fixture
def busy(tmp_path: Path) -> World:
    """Three items at different places of the line, with changes to merge that make, change and delete files."""
    return World.after(begun, tmp_path / "repo")


def assert_as_if_nothing_had_happened(world: World) -> None:
    """The end that an undisturbed run comes to."""
    for item_id in ("reviewed", "maker", "remover"):
        assert world.lane(item_id) == "done"
        assert world.events(item_id).count("finish") == 1
    assert world.read("changed.txt") == "after\n"
    assert world.read("new/made.txt") == "made\n"
    assert not (world.root / "gone").exists()
    merges = world.git("log", "--first-parent", "--format=%s", "--grep=^Merge ", "main").split("\n")
    assert sorted(subject.split(":")[0] for subject in merges) == ["Merge maker", "Merge remover", "Merge reviewed"]
    assert_history_agrees(world, "reviewed", "maker", "remover")
    assert_nothing_left(world)


def nth(world: World, call: str, part: float) -> int:
    """Which call of its kind comes after this part of an undisturbed run's; the run is counted once, on a copy."""
    if not _calls:
        assert STRACE is not None
        copy, counted = world.root.parent / "copy", world.root.parent / "counted"
        shutil.copytree(world.root, copy, symlinks=True)
        for more in ((), ("-f", "-e", "trace=fsync")):  # the disk is waited for in a thread of its own
            tracer = (STRACE, *more, "-c", "-qq", "-o", str(counted))
            status, _, err = Background(World(copy), "tick", "--drain", tracer=tracer).end()
            assert status == 0, err
            rows = [line.split() for line in counted.read_text().split("\n")]
            _calls.update({row[-1]: int(row[3]) for row in rows if len(row) >= 5 and row[3].isdecimal()})
            shutil.rmtree(copy)
            shutil.copytree(world.root, copy, symlinks=True)
        _calls["fsync"] //= 2  # the others are git's
    if call not in _calls:
        pytest.skip(f"this machine has no call {call}")
    return max(1, int(_calls[call] * part))


def injected(world: World, what: str) -> tuple[str, ...]:
    """The tracer that lets the main thread's calls go wrong; for fsync, those of the thread that waits for disks."""
    assert STRACE is not None
    call = what.split(":")[0]
    return (
        STRACE,
        *(("-f",) if call == "fsync" else ()),
        "-qq",
        "-o",
        str(world.root.parent / "trace"),
        "-e",
        f"trace={call}",
        "-e",
        f"inject={what}",
    )


def kill(world: World, call: str, when: int) -> None:
    """Kill a pass at its n-th call of a kind; how many it makes varies, so at an earlier one where there were fewer."""
    kept = world.root.parent / "kept"
    shutil.copytree(world.root, kept, symlinks=True)
    while True:
        killed = Background(world, "tick", "--drain", tracer=injected(world, f"{call}:signal=KILL:when={when}"))
        status, _, err = killed.end()
        if status == -signal.SIGKILL:
            return
        assert status == 0, err
        if when == 1:
            pytest.skip(f"this pass made no call {call}")
        when //= 2
        shutil.rmtree(world.root)
        shutil.copytree(kept, world.root, symlinks=True)


def test_an_undisturbed_run_comes_to_the_expected_end(busy: World) -> None:
    busy.factory("tick", "--drain")
    assert_as_if_nothing_had_happened(busy)


@needs_strace
@pytest.mark.parametrize(
    ("call", "part"), POINTS, ids=lambda value: f"{value:.2f}" if isinstance(value, float) else value
)
def test_killed_at_any_call_the_next_tick_goes_on(busy: World, call: str, part: float) -> None:
    # given a pass that is killed at its n-th call of a kind
    kill(busy, call, nth(busy, call, part))
    # then the next one comes to the same end
    busy.tick(drain=True)
    assert_as_if_nothing_had_happened(busy)


@needs_strace
@pytest.mark.parametrize("doomed", ["update-index", "checkout-index", "update-ref", "worktree"])
@pytest.mark.parametrize("call", ["write", "rename", "unlink"])
def test_a_git_that_dies_half_way_takes_nothing_with_it(
    busy: World, doomed: str, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the machine loses power: git gets no chance to remove its own locks."""
    # given a git that is killed in the middle of one kind of command
    if doomed == "update-index":
        busy.git("update-index", "--index-version", "4")  # which no other program than git writes
    real, shims = shutil.which("git"), busy.root.parent / "shims"
    shims.mkdir()
    inject = f"{STRACE} -qq -o /dev/null -e trace={call} -e inject={call}:signal=KILL:when=1"
    case = f'case " $* " in *" {doomed} "*) exec {inject} {real} "$@";; esac'
    (shims / "git").write_text(f'#!/bin/sh\n{case}\nexec {real} "$@"\n')
    (shims / "git").chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{shims}{os.pathsep}{os.environ['PATH']}")
        said = busy.factory("tick", status=None)
    assert "Traceback" not in said
    # when git works again, and a run that it ended has come due again
    busy.now = MACHINE.now() + timedelta(minutes=1)
    busy.tick(drain=True)
    # then a person can bring back to work what was blocked meanwhile
    blocked = [item_id for item_id in ("reviewed", "maker", "remover") if busy.lane(item_id) == "blocked"]
    for item_id in blocked:
        (busy.root / f"queue/blocked/{item_id}.yaml").rename(busy.root / f"queue/inbox/{item_id}.yaml")
    if blocked:
        busy.tick(drain=True)
    assert_as_if_nothing_had_happened(busy)


@needs_strace
@pytest.mark.parametrize("what", ["fsync:error=EIO", "write:error=ENOSPC", "rename:error=ENOSPC", "link:error=ENOSPC"])
@pytest.mark.parametrize("part", [0.4, 0.8])
def test_a_full_or_broken_disk_is_one_sentence_and_nothing_is_lost(busy: World, what: str, part: float) -> None:
    # given a disk that refuses one call, early or late in a pass
    when = nth(busy, what.split(":")[0], part)
    ticking = Background(busy, "tick", tracer=injected(busy, f"{what}:when={when}"))
    status, _, err = ticking.end()
    # then the factory gets over it, or ends with one sentence that says what was wrong
    assert "Traceback" not in err, err
    assert status in (0, 1)
    if status:
        assert err.startswith("factory: ")
        assert len(err.strip().split("\n")) <= 2
    # and the next tick goes on
    busy.tick(drain=True)
    blocked = [item_id for item_id in ("reviewed", "maker", "remover") if busy.lane(item_id) == "blocked"]
    assert not blocked, [busy.journal(item_id)[-1].reason for item_id in blocked]
    assert_as_if_nothing_had_happened(busy)


def once_the_branch_has_moved(world: World) -> list[int]:
    """Which renames are the first that write files of a batch: the index has been adopted, and the branch has moved."""
    copy, traced = world.root.parent / "copy", world.root.parent / "renames"
    if not copy.exists():
        shutil.copytree(world.root, copy, symlinks=True)
    status, _, err = Background(
        World(copy), "tick", tracer=(str(STRACE), "-qq", "-e", "trace=rename", "-o", str(traced))
    ).end()
    assert status == 0, err
    shutil.rmtree(copy)
    targets = [line.rpartition(", ")[2] for line in traced.read_text().split("\n") if line.startswith("rename")]
    steps = enumerate(pairwise(targets), 2)
    return [number for number, (one, then) in steps if '/.git/index"' in one and "/.git/" not in then]


@needs_strace
def test_between_the_branch_and_the_index_nobody_can_commit_the_moves_away(busy: World) -> None:
    """A disk that is full at the worst moment must not leave an index that undoes what the branch has."""
    kept = 0
    for when in once_the_branch_has_moved(busy)[:6]:
        Background(busy, "tick", tracer=injected(busy, f"rename:error=ENOSPC:when={when}+")).end()
        before = busy.git("ls-tree", "-r", "--name-only", "main", "queue", "artifacts")
        busy.write("mine.txt", f"{when}\n")
        added = subprocess.run(["git", "add", "mine.txt"], cwd=busy.root, check=False, capture_output=True)
        subprocess.run(["git", "commit", "-q", "-m", "mine"], cwd=busy.root, check=False, capture_output=True)
        kept += b"index.lock" in added.stderr
        assert busy.git("ls-tree", "-r", "--name-only", "main", "queue", "artifacts") == before
    assert kept, "no disk was full at the worst moment"
    busy.tick(drain=True)
    busy.git("add", "-A")
    busy.git("commit", "-q", "-m", "mine", check=False)
    assert_as_if_nothing_had_happened(busy)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("command", [("tick", "--drain"), ("run",)], ids=["tick", "run"])
def test_killed_at_random_times_again_and_again(busy: World, command: tuple[str, ...], seed: int) -> None:
    chance = random.Random(f"{seed} {command}")
    for _ in range(3):
        living = Background(busy, *command)
        time.sleep(chance.uniform(0.0, 0.65))
        living.signal(signal.SIGKILL)
        living.end()
    busy.tick(drain=True)
    assert_as_if_nothing_had_happened(busy)


def test_a_lock_that_a_crash_left_is_removed(world: World) -> None:
    """An index lock of ours, told from anybody else's by what it says."""
    world.item("one")
    left = b"held by factory, process 1 of 12345678; a tick removes it if it was left behind\n"
    (world.root / ".git/index.lock").write_bytes(left)
    world.factory("tick")
    assert world.lane("one") == "done"
    assert_nothing_left(world)


def test_a_killed_factory_leaves_a_worker_that_the_next_tick_ends(world: World) -> None:
    # given a worker that nothing contains, that outlives the orchestrator, and ignores every gentle request
    world.policy("sandbox: off")
    world.write(
        "contracts/stubborn.yaml",
        "purpose: Stay.\nworker:\n  run: [sh, -c, \"trap '' TERM INT HUP; setsid sleep 60 & sleep 60\"]\n",
    )
    world.item("one", contract="stubborn")
    world.commit("Stay")
    living = Background(world, "tick")
    wait_for(lambda: len(processes_in(cells_of(world))) >= 3)
    living.signal(signal.SIGKILL)
    living.end()
    assert processes_in(cells_of(world))
    # when the next tick comes, with the item held back
    world.write("queue/active/one.yaml", world.read("queue/active/one.yaml") + "hold: true\n")
    world.factory("tick")
    # then worker, cell and lease are gone, and it cost nothing
    assert world.lane("one") == "inbox"
    last = world.journal("one")[-1]
    assert (str(last.event), last.failure, last.attempt) == ("release", None, None)
    assert_nothing_left(world)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", [("tick",), ("tick", "--drain"), ("run",)], ids=["tick", "drain", "run"])
def test_interrupted_it_gives_everything_back_at_once(world: World, number: int, command: tuple[str, ...]) -> None:
    # given a worker in the middle of a long job
    world.item("one", [{"write": {"path": "half.txt", "text": "half\n"}}, {"sleep": 60}])
    world.item("two")
    living = Background(world, *command)
    wait_for(lambda: len(list(cells_of(world).glob("*/*/half.txt"))) == 1)
    # when it is interrupted
    began = time.monotonic()
    living.signal(number)
    status, _, err = living.end()
    # then it ends quickly, says so, and nothing is left running or lying about
    assert time.monotonic() - began < 4
    # `run` has no other end; of whatever else it is one before the time
    assert (status, err.strip()) == ((0, "") if command == ("run",) else (130, "factory: interrupted"))
    last = world.journal("one")[-1]
    assert world.lane("one") == "inbox", last
    assert (str(last.event), last.failure, last.attempt, last.not_before) == ("release", None, None, None)
    assert_history_agrees(world, "one")
    assert_nothing_left(world)


def test_interrupted_twice_it_dies_and_the_next_tick_repairs(world: World) -> None:
    world.item("one", [{"sleep": 60}], [{"write": {"path": "one.txt", "text": "one\n"}}])
    living = Background(world, "tick")
    wait_for(lambda: (world.root / "queue/active/one.yaml").exists())
    living.signal(signal.SIGINT)
    living.signal(signal.SIGINT)
    status, _, _ = living.end(10)
    assert status in (130, -signal.SIGINT)
    world.factory("tick", "--drain")
    assert world.lane("one") == "done"
    assert_nothing_left(world)


def test_interrupted_while_it_starts_or_ends_it_leaves_nothing(world: World) -> None:
    world.item("one", [{"sleep": 0.3}, {"write": {"path": "one.txt", "text": "one\n"}}])
    for delay in (0.2, 0.35, 0.5, 0.65):
        living = Background(world, "tick", before=("env",))  # not one that is loaded already
        time.sleep(delay)
        living.signal(signal.SIGTERM)
        status, _, err = living.end()
        assert status in (0, 130, -signal.SIGTERM)
        assert "Traceback" not in err, err
    world.tick(drain=True)
    assert world.lane("one") == "done"
    assert world.events("one").count("finish") == 1
    assert_nothing_left(world)


def test_the_clutter_of_many_crashes_does_not_pile_up(world: World) -> None:
    state = world.root / ".git/factory"
    for place in (state / ".factory-left", state / "cells/.factory-left"):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("half")
    (state / "index.lock").write_text("")
    (state / "index-git.lock").write_text("")
    world.item("one")
    world.factory("tick")
    assert world.lane("one") == "done"
    assert list(state.rglob(".factory-*")) == []


def test_a_torn_note_stops_nothing_and_is_never_a_traceback(world: World) -> None:
    """A torn pending note, as a disk without order may leave it."""
    world.item("one")
    world.tick()
    note = Path(world.root / ".git/factory/pending")
    for torn in (b"", b"[[", b"\0\0\0", b"[[1, 2, 3]]", b"3"):
        note.write_bytes(torn)
        said = world.factory("tick", status=None)
        assert "Traceback" not in said
    world.item("two")
    note.unlink(missing_ok=True)
    world.factory("tick")
    assert world.lane("two") == "done"
