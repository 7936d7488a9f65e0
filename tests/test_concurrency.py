"""Two orchestrators, and people who use git all the time while the factory works."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.execution.cell.sandbox import Kind, sandbox
from factory.line.orchestrator import Orchestrator
from factory.line.tick import tick
from factory.model.events import Happening, Recorded
from factory.model.lifecycle import Event
from factory.store.repository.repository import Repository
from tests.witness import Background, assert_history_agrees, assert_nothing_left, assert_sound, moves, wait_for
from tests.world import World

SLEEPY = [{"sleep": 30}]


def test_a_second_orchestrator_does_nothing_and_names_the_first(world: World) -> None:
    # given one that is at work
    world.item("one", SLEEPY)
    first = Background(world, "tick")
    try:
        wait_for(lambda: (world.root / "queue/active/one.yaml").exists())
        head = world.git("rev-parse", "main")
        # when another is started
        for arguments in (("tick",), ("tick", "--drain"), ("run",)):
            said = world.factory(*arguments, status=4)
            # then it says whose turn it is, and changes nothing
            assert f"process {first.process.pid} on " in said
            assert "Traceback" not in said
        assert world.git("rev-parse", "main") == head
        assert first.process.poll() is None
        assert world.lane("one") == "active"
    finally:
        first.signal(2)
        assert first.end()[0] == 130
    assert world.lane("one") == "inbox"
    assert_nothing_left(world)


def test_of_many_that_start_at_once_exactly_one_works(world: World) -> None:
    world.item("one", [{"sleep": 2}, {"write": {"path": "one.txt", "text": "one\n"}}])
    started = [Background(world, "tick") for _ in range(4)]
    ended = [ticking.end() for ticking in started]
    assert sorted(status for status, _, _ in ended) == [0, 4, 4, 4]
    assert all("another orchestrator" in err for status, _, err in ended if status == 4), ended
    assert world.events("one") == ["submit", "start", "deliver", "finish"]
    assert_nothing_left(world)


class Person:
    """Somebody who does one thing over and over until told to stop."""

    def __init__(self, act: Callable[[int], None]) -> None:
        self._act = act
        self._stop = threading.Event()
        self.times = 0
        self._thread = threading.Thread(target=self._live)

    def _live(self) -> None:
        until = time.monotonic() + 8  # checks are run again for each commit of theirs, so somebody has to rest
        while not self._stop.is_set() and (self.times < 50 or time.monotonic() < until):
            self._act(self.times)
            self.times += 1
            time.sleep(0.03)

    def __enter__(self) -> "Person":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def attempt(world: World, *arguments: str) -> bool:
    """Git as a person at a keyboard: when it is locked just now, they see it and try again later."""
    done = subprocess.run(["git", *arguments], cwd=world.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "lock" in done.stderr or "nothing to commit" in done.stdout + done.stderr, (
        done.stderr
    )
    return done.returncode == 0


def test_a_person_who_commits_all_the_time_loses_nothing_and_undoes_nothing(world: World) -> None:
    committed: list[str] = []

    def commit(number: int) -> None:
        path = f"mine/{number}.txt"
        world.write(path, f"{number}\n")
        for _ in range(500):
            if attempt(world, "add", path):
                break
            time.sleep(0.002)
        if attempt(world, "commit", "-q", "-m", f"mine {number}"):
            committed.append(path)

    def look(_number: int) -> None:
        attempt(world, "status", "--porcelain")

    ids = [f"item-{number}" for number in range(6)]
    with Person(commit) as committer, Person(look):
        for start in range(0, len(ids), 3):
            for item_id in ids[start : start + 3]:
                world.item(item_id)
            for _ in range(5):
                world.factory("tick", "--drain", status=None)
                if all(_done(world, item_id) for item_id in ids[start : start + 3]):
                    break
    # then there was a fight worth the name
    assert committer.times > 10
    assert len(committed) > 5
    # every item is done, and each commit of the person's is there, and holds nothing of the factory's
    for item_id in ids:
        assert world.lane(item_id) == "done"
        assert world.events(item_id).count("finish") == 1
    there = set(world.git("ls-tree", "-r", "--name-only", "main", "mine").split("\n"))
    assert set(committed) <= there
    theirs = world.git("log", "--format=%H", "--grep=^mine ", "main").split("\n")
    assert len(theirs) == len(committed)
    touched = world.git("log", "--name-only", "--format=", "--grep=^mine ", "main").split("\n")
    assert set(committed) <= set(touched)
    assert [path for path in touched if path and not path.startswith("mine/")] == []
    # no move was undone: each is still the rename it was, and folders, journals and commits agree
    world.factory("tick", "--drain")
    assert_history_agrees(world, *ids)
    assert [line for line in world.status().split("\n") if "queue/" in line or "artifacts/" in line] == []
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "the rest", check=False)
    assert_nothing_left(world)


def _done(world: World, item_id: str) -> bool:
    return any(
        f"/{item_id}.yaml" in path
        for path in world.git("ls-tree", "-r", "--name-only", "main", "queue/done").split("\n")
    )


def test_what_a_person_stages_during_passes_stays_staged(world: World) -> None:
    staged: list[str] = []

    def stage(number: int) -> None:
        path = f"mine/{number}.txt"
        world.write(path, f"{number}\n")
        if attempt(world, "add", path):
            staged.append(path)

    with Person(stage):
        for number in range(3):
            world.item(f"item-{number}")
            world.factory("tick", "--drain")
    assert len(staged) > 5
    listed = {line[3:] for line in world.status().split("\n") if line.startswith("A ")}
    assert set(staged) <= listed
    assert all(world.lane(f"item-{number}") == "done" for number in range(3))


def test_a_commit_whose_message_is_being_written_does_not_undo_what_happens_meanwhile(world: World) -> None:
    # given a person with the editor open
    world.write("mine.txt", "mine\n")
    world.git("add", "mine.txt")
    go = world.root.parent / "go"
    editor = f'sh -c \'while [ ! -e "{go}" ]; do sleep 0.05; done; echo mine > "$1"\' -'
    writing = subprocess.Popen(
        ["git", "commit", "-q"], cwd=world.root, env={**os.environ, "GIT_EDITOR": editor}, stderr=subprocess.PIPE
    )
    world.item("one")
    time.sleep(0.3)
    # when the factory moves things, and then they save
    world.tick(drain=True)
    assert world.lane("one") == "done"
    go.touch()
    writing.communicate(timeout=20)
    # then either git refused the commit or it is on top; the moves stand, and their file still is theirs to commit
    assert world.lane("one") == "done"
    assert world.read("one.txt") == "one\n"
    assert world.git("show", "main:one.txt") == "one"
    if writing.returncode:
        assert world.status() == "A  mine.txt"
    assert_history_agrees(world, "one")


def take_back(world: World) -> None:
    world.git("mv", "queue/review/approved.yaml", "queue/blocked/approved.yaml")
    world.git("commit", "-q", "-m", "Not yet", "--", "queue")


def move_only(world: World) -> None:
    world.move("approved", "queue/blocked")


def hold(world: World) -> None:
    with (world.root / "queue/review/approved.yaml").open("a") as file:
        file.write("hold: true\n")


def reject(world: World) -> None:
    path = world.root / "queue/review/approved.human.verdict.yaml"
    path.write_text(path.read_text().replace("decision: approve", "decision: reject"))


@pytest.mark.parametrize(
    ("act", "lane"), [(take_back, "blocked"), (move_only, "blocked"), (hold, "review"), (reject, "done")]
)
def test_a_person_who_acts_between_the_gate_and_the_apply_is_obeyed(
    world: World, act: Callable[[World], None], lane: str
) -> None:
    """A moved file, a hold or a rejection always beats an older approval; saved is enough."""
    # given two items: one that will be rejected, one that is approved
    for item_id in ("approved", "refused"):
        world.item(item_id, contract="reviewed")
    world.tick()
    world.verdict("approved", "approve")
    world.verdict("refused", "reject")
    repository = Repository(world.root)

    def tell(happening: Happening) -> None:
        # when a person takes the approved one back just after the gate has ruled
        if isinstance(happening, Recorded) and happening.entry.event is Event.REJECT:
            act(world)

    try:
        orchestrator = Orchestrator(repository, tell)
        with orchestrator.holding():
            tick(orchestrator)
    finally:
        repository.close()
    world.tick()
    # then nothing of it is merged
    assert world.lane("approved") == lane
    assert not (world.root / "approved.txt").exists()
    assert world.git("log", "--merges", "--format=%s").count("approved") == 0
    assert world.status() == ""


def test_two_living_factories_in_two_clones_do_not_share_a_lock(world: World) -> None:
    other = World(world.root.parent / "other")
    subprocess.run(["git", "clone", "-q", str(world.root), str(other.root)], check=True)
    world.item("one", SLEEPY)
    first = Background(world, "tick")
    try:
        wait_for(lambda: (world.root / "queue/active/one.yaml").exists())
        other.item("two")
        assert "1 done today" in other.factory("tick")
    finally:
        first.signal(15)
        assert first.end()[0] == 130
    assert_nothing_left(world)


def test_a_person_switches_branches_back_and_forth_while_the_factory_works(world: World) -> None:
    world.git("branch", "side")

    def switch(number: int) -> None:
        attempt(world, "switch", "-q", "main" if number % 2 else "side")
        time.sleep(0.05)

    ids = [f"item-{number}" for number in range(4)]
    for item_id in ids:
        world.item(item_id)
    world.commit("Please")
    with Person(switch):
        for _ in range(6):
            world.factory("tick", "--drain", status=None)
    attempt(world, "switch", "-q", "main")
    for _ in range(2):
        world.factory("tick", "--drain")
    for item_id in ids:
        assert world.lane(item_id) == "done", world.last(item_id)
        assert world.git("show", f"main:{item_id}.txt") == item_id
        assert world.events(item_id).count("finish") == 1
    assert len({item for _, item, _ in moves(world)}) == len(ids)
    assert_history_agrees(world, *ids)
    assert_sound(world)


def test_a_sandbox_that_could_not_be_put_up_is_put_up_again(world: World, tmp_path: Path) -> None:
    """What it hides may vanish between the look and the mount: the first two tries fail here, as they would then."""
    real = shutil.which("bwrap")
    if sandbox("auto").kind is not Kind.BUBBLEWRAP or real is None:
        pytest.skip("bubblewrap is not installed or does not work here")
    count = tmp_path / "count"
    script = f'echo x >> {count}; [ $(wc -l < {count}) -gt 2 ] || {{ echo "bwrap: Can\'t mount" >&2; exit 1; }}'
    fake = tmp_path / "bin" / "bwrap"
    fake.parent.mkdir()
    probe = f'case "$*" in *--json-status-fd*) ;; *) exec {real} "$@";; esac'  # git's own hides nothing
    fake.write_text(f'#!/bin/sh\n{probe}\n{script}\nexec {real} "$@"\n')
    fake.chmod(0o755)
    env = {**os.environ, "PATH": f"{fake.parent}:{os.environ['PATH']}"}
    world.item("one")
    subprocess.run([sys.executable, "-m", "factory", "tick"], cwd=world.root, env=env, check=True, capture_output=True)
    assert (world.lane("one"), world.last("one").run) == ("done", 1)
    assert count.read_text().count("x") == 3
