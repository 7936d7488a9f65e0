"""Workspaces that are an item's own from run to run, as Symphony's are (docs/symphony.md)."""

import re
import shutil
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from factory.execution.agents.workspaces import key_of
from factory.model.failure import FailureClass
from tests.witness import commands_with
from tests.world import World

START = datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC)
DONE = """printf '{"status": "ok"}' > $FACTORY_OUT/result.json"""
needs_bubblewrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")


@pytest.fixture
def keeping(world: World, tmp_path: Path) -> World:
    """A world whose items have workspaces of their own, and whose worker does what $1 says."""
    world.now = START
    keep(world)
    return world


def keep(world: World, hooks: str = "", more: str = "") -> None:
    given = f"hooks:\n{hooks}" if hooks else ""
    world.policy(f"workspace: {{root: '{world.root.parent}/work', keep: true}}\n{given}{more}")


def worker(world: World, script: str, **keys: object) -> None:
    own = {"run": ["sh", "-c", f"{script}\n{DONE}"]}
    world.contract("own", worker=own, produces={"patch": {"required": False}}, apply={"mode": "none"}, **keys)


def again(world: World) -> None:
    assert world.now is not None
    world.now += timedelta(minutes=1)
    world.tick()


def workspaces(world: World) -> list[Path]:
    return sorted((world.root.parent / "work").glob("*/items/*"))


def log(world: World, item_id: str, run: int = 1) -> str:
    return world.artifacts(item_id)[f"run-{run}/hooks.log"]


@pytest.mark.parametrize(
    ("identifier", "key"),
    [
        ("abc-123", "abc-123"),
        ("A.b_c-1", "A.b_c-1"),
        ("a/b", "a_b--c14cddc033f64b9d"),
        ("a b", "a_b--c8687a08aa5d6ed2"),
        ("../x", "_x--"),
        ("..", "--"),
        ("ä", "_--"),
    ],
)
def test_a_key_is_clean_and_tells_apart_what_looks_the_same_when_cleaned(identifier: str, key: str) -> None:
    found = key_of(identifier)
    assert found.startswith(key) and found == key_of(identifier)
    assert "/" not in found and found not in (".", "..") and not found.startswith("..")


def test_two_identifiers_that_are_cleaned_to_the_same_have_two_keys() -> None:
    assert len({key_of(each) for each in ("a b", "a/b", "a_b", "a:b", "a\tb")}) == 5


def test_what_a_run_leaves_is_there_in_the_next_one_and_after_create_ran_once(keeping: World) -> None:
    keep(keeping, "  after_create: echo created >> trail\n  before_run: echo begun >> trail\n")
    worker(keeping, "echo worked >> trail; pwd >> trail; test $FACTORY_RUN = 2 || exit 1")
    keeping.item("one", contract="own")
    keeping.tick()
    assert keeping.last("one").failure is FailureClass.CRASH
    (place,) = workspaces(keeping)
    again(keeping)
    assert keeping.lane("one") == "done"
    trail = (place / "trail").read_text()
    assert trail == f"created\nbegun\nworked\n{place}\nbegun\nworked\n{place}\n"
    assert (place.name, keeping.git("status", "--porcelain")) == ("one", "")


def test_items_have_each_their_own_and_the_same_each_time(keeping: World) -> None:
    worker(keeping, "ls > ../seen || true; touch mine-$(basename $PWD); exit 1")
    for item_id in ("one", "two"):
        keeping.item(item_id, contract="own")
    keeping.tick()
    first = workspaces(keeping)
    again(keeping)
    kept_there = [place for place in workspaces(keeping) if place.is_dir()]
    assert kept_there == [place for place in first if place.is_dir()]
    assert [[each.name for each in place.iterdir()] for place in kept_there] == [["mine-one"], ["mine-two"]]


def test_an_after_create_that_fails_leaves_no_folder_and_is_run_again(keeping: World) -> None:
    keep(keeping, "  after_create: echo half > half; exit 4\n")
    worker(keeping, "test ! -e half")
    keeping.item("one", contract="own")
    keeping.tick()
    assert str(keeping.last("one").reason) == "the hook after_create ended with exit status 4"
    assert (keeping.last("one").failure, workspaces(keeping)) == (FailureClass.CRASH, [])
    keep(keeping, "  after_create: echo whole > whole\n")
    again(keeping)
    assert keeping.lane("one") == "done"


def test_a_folder_that_was_not_filled_to_its_end_is_made_anew(keeping: World) -> None:
    keep(keeping, "  after_create: test ! -e torn; echo whole > whole\n")
    worker(keeping, "cat whole; exit 1")
    keeping.item("one", contract="own")
    keeping.tick()
    (place,) = workspaces(keeping)
    # given what a crash in the midst of the hook leaves
    (keeping.root / ".git/factory/kept/one").write_bytes(b"")
    (place / "torn").touch()
    again(keeping)
    assert sorted(each.name for each in place.iterdir()) == ["whole"]
    assert "[after_create: ended well]" in log(keeping, "one", 2)


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_in_the_way_fails_the_run_and_is_left_alone(keeping: World, kind: str) -> None:
    worker(keeping, "true; exit 1")
    keeping.item("zero", contract="own")
    keeping.tick()
    place = workspaces(keeping)[0].with_name("one")
    elsewhere = keeping.root.parent / "elsewhere"
    elsewhere.mkdir()
    place.write_text("mine\n") if kind == "file" else place.symlink_to(elsewhere)
    keeping.item("one", contract="own")
    again(keeping)
    assert keeping.last("one").failure is FailureClass.CRASH
    assert "is in the way of the item's workspace" in str(keeping.last("one").reason)
    assert place.is_symlink() if kind == "link" else place.read_text() == "mine\n"
    assert list(elsewhere.iterdir()) == []


def test_a_finished_items_workspace_is_taken_away_with_its_hook_whose_failure_is_ignored(keeping: World) -> None:
    trail = keeping.root.parent / "trail"
    keep(keeping, f"  before_remove: ls >> {trail}; pwd >> {trail}; exit 5\n", "sandbox: 'off'\n")
    worker(keeping, "touch left")
    keeping.item("one", contract="own")
    keeping.tick()
    assert (keeping.lane("one"), len(workspaces(keeping))) == ("done", 1)
    (place,) = workspaces(keeping)
    again(keeping)  # the sweep of the next pass, which another process may be
    assert workspaces(keeping) == []
    assert trail.read_text() == f"left\n{place}\n"
    assert not list((keeping.root / ".git/factory/kept").iterdir())


def test_the_end_of_the_factory_waits_for_the_hook_only_for_a_moment(keeping: World) -> None:
    keep(keeping, "  before_remove: sleep 60.332\n")
    worker(keeping, "touch left")
    keeping.item("one", contract="own")
    keeping.tick()
    began = time.monotonic()
    again(keeping)
    assert time.monotonic() - began < 20
    assert (commands_with("60.332"), workspaces(keeping)) == ([], [])


def test_an_item_that_is_stopped_or_waits_keeps_its_workspace(keeping: World) -> None:
    worker(keeping, "touch left; exit 1")
    keeping.item("one", contract="own")
    keeping.tick()
    keeping.factory("hold", "one")
    again(keeping)
    keeping.move("one", "blocked", commit=True)
    again(keeping)
    assert [(place / "left").exists() for place in workspaces(keeping)] == [True]
    # and one that a person ends loses it
    keeping.factory("cancel", "one")
    again(keeping)
    again(keeping)
    assert (keeping.lane("one"), workspaces(keeping)) == ("done", [])


def test_an_item_that_is_ended_while_it_runs_is_stopped_and_loses_its_workspace(world: World) -> None:
    keep(world)
    worker(world, "touch left; sleep 60.331")
    world.item("one", contract="own")
    process = world.start("run")
    try:
        world.until(lambda: [place.name for each in workspaces(world) for place in each.iterdir()] == ["left"])
        world.factory("cancel", "one")
        world.until(lambda: workspaces(world) == [])
        assert commands_with("60.331") == []
        assert (world.lane("one"), str(world.last("one").outcome)) == ("done", "cancelled")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def test_what_review_sends_back_goes_on_in_the_same_workspace(keeping: World) -> None:
    seats = {"seats": [{"name": "human", "kind": "human"}]}
    worker(keeping, "echo $FACTORY_ROUND >> rounds; cp rounds $FACTORY_OUT/rounds", review=seats)
    keeping.item("one", contract="own")
    keeping.tick()
    assert keeping.lane("one") == "review"
    path = keeping.verdict("one", "rework")
    path.write_text(re.sub(r"(?m)^notes:.*$", "notes: once more", path.read_text()))
    again(keeping)
    (place,) = workspaces(keeping)
    assert (keeping.lane("one"), (place / "rounds").read_text()) == ("review", "1\n2\n")
    assert keeping.events("one").count("start") == 2


def test_a_running_factory_takes_it_away_by_itself(world: World) -> None:
    keep(world, more="polling: {interval_ms: 600000}\n")
    worker(world, "touch left")
    process = world.start("run")
    try:
        world.item("one", contract="own")
        world.until(lambda: bool(workspaces(world)))
        world.until(lambda: world.git("ls-tree", "-r", "main:queue/done").count("one.yaml") == 1)
        world.until(lambda: workspaces(world) == [])
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def test_checks_run_on_a_commit_and_meet_neither_the_folder_nor_its_hooks(keeping: World) -> None:
    keep(keeping, "  after_create: echo x > created\n")
    worker(keeping, "touch left", checks=[{"name": "c", "run": ["sh", "-c", "test ! -e created && test ! -e left"]}])
    keeping.item("one", contract="own")
    keeping.tick()
    assert keeping.lane("one") == "done"
    assert log(keeping, "one").count("after_create") == 1


@needs_bubblewrap
def test_a_worker_sees_and_writes_its_own_workspace_alone(keeping: World) -> None:
    worker(keeping, "ls ..; for each in one two; do touch ../$each/by-$(basename $PWD); done; exit 1")
    for item_id in ("two", "one"):
        keeping.item(item_id, contract="own")
    keeping.tick()
    one, two = workspaces(keeping)
    assert [[each.name for each in place.iterdir()] for place in (one, two)] == [["by-one"], ["by-two"]]


def test_without_keep_nothing_of_a_run_is_left(world: World) -> None:
    world.policy(f"workspace: {{root: '{world.root.parent}/work'}}")
    world.item("one")
    world.tick()
    assert workspaces(world) == []
