"""Marks where people see them: in `factory status`, `show` and `why`, with commands that take them away."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from factory.line.snapshot import SnapshotReader
from factory.report.status import Status, status, to_remember
from factory.report.status_row import Row
from factory.store.repository.repository import Repository
from tests.missions import Mission, assertion, feature, milestone
from tests.world import StandingStill, World

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CRASH: list[dict[str, object]] = [{"say": "out of luck"}, {"exit": 1}]
ASKS: list[dict[str, object]] = [{"result": {"status": "blocked", "question": "Which one?"}}]
WRITES: list[dict[str, object]] = [{"write": {"path": "x.txt", "text": "x\n"}}]
BREAKER = """contract: broken
state: open
since: 2026-11-21T12:00:00Z
until: 2999-01-01T00:00:00Z
failures: 5
reason: out of luck
"""


def a_queue(world: World) -> None:
    """Items of every kind that waits for what cannot come, or goes round and round."""
    never = [{"name": "never", "run": ["sh", "-c", "echo 3 is not 4; false"]}]
    world.contract("never", checks=never, rework={"max_rounds": 9})
    world.contract("patient", retry={"max_attempts": 9})
    world.contract("broken")
    world.write("queue/breakers/broken.yaml", BREAKER)
    world.policy("retry: {initial_ms: 1}\nbreaker: {failures: 99}\n")
    writes: list[list[dict[str, object]]] = [[{"write": {"path": "b.txt", "text": f"{n}\n"}}] for n in range(9)]
    world.item("bounce", *writes, contract="never")
    world.item("flaky", CRASH, contract="patient")
    world.item("sound", contract="broken")
    world.item("held", text="hold: true\n")
    world.item("gone", contract="reviewed")
    world.item("asks", ASKS, WRITES)
    world.item("failed", [{"exit": 77}], WRITES)
    for item_id, needs in (("one", "held"), ("two", "one"), ("asked", "asks"), ("after", "failed"), ("widow", "gone")):
        world.item(item_id, text=f"depends_on: [{needs}]\n")
    world.item("a", text="depends_on: [b]\n")
    world.item("b", text="depends_on: [a]\n")
    world.item("lost", text="depends_on: [ghost]\n")
    world.commit("What is to be done")
    for _ in range(3):
        world.tick()
    world.command("cancel", "gone")
    world.tick()


@pytest.fixture
def queue(tmp_path: Path) -> World:
    return World.after(a_queue, tmp_path / "repo")


def marks_of(world: World) -> dict[str, list[str]]:
    """The kinds of marks of each item that has some, as programs are told."""
    rows = json.loads(world.command("status", "--json"))["items"]
    return {row["id"]: [mark["kind"] for mark in row["marks"]] for row in rows if row["marks"]}


MARKED = {
    "bounce": ["bounces"],
    "flaky": ["released-again"],
    "sound": ["breaker-open"],
    "one": ["dependency-held"],
    "two": ["dependency-held"],
    "asked": ["dependency-blocked"],
    "after": ["dependency-blocked"],
    "widow": ["dependency-ended"],
    "a": ["circle"],
    "b": ["circle"],
    "lost": ["dependency-missing"],
}


def test_status_marks_exactly_what_only_pretends_to_move(queue: World) -> None:
    assert marks_of(queue) == MARKED
    told = queue.command("status")
    assert "FOR  MARK                TITLE" in told
    why = "it waits for one, which waits for held, which is on hold"
    assert f"two dependency-held: {why}; factory hold held --off" in told
    shown = queue.command("show", "two")
    assert "mark       dependency-held: it waits for one, which waits for held" in shown
    (mark,) = json.loads(queue.command("show", "two", "--json"))["marks"]
    assert mark == {
        "kind": "dependency-held",
        "reason": why,
        "do": "factory hold held --off",
        "local": False,
    }


def test_a_second_look_which_comes_of_what_was_remembered_says_the_same(world: World) -> None:
    world.item("held", text="hold: true\n")
    world.item("one", text="depends_on: [held]\n")
    world.commit("Two")
    world.tick()
    told = world.command("status")
    assert (world.root / ".git/factory/status").is_file()
    assert "one dependency-held: it waits for held, which is on hold; factory hold held --off" in told
    assert [line.split()[:3] for line in world.command("status").split("\n")] == [
        line.split()[:3] for line in told.split("\n")
    ]


def test_a_queue_without_marks_has_no_column_for_them(world: World) -> None:
    world.item("one", text="hold: true\n")
    world.commit("One")
    assert "MARK" not in world.command("status")


# What a person types into the editor that the command opens: the text that is there, and what they put in its place.
EDITS = {
    "bounce": ("title: do bounce", "title: do bounce, and mind the 4"),
    "sound": ("state: open", "state: closed"),
    "a": ("depends_on: [b]", "depends_on: []"),
    "lost": ("depends_on: [ghost]", "depends_on: []"),
}


def test_what_a_mark_says_to_do_is_a_command_that_takes_it_away(queue: World) -> None:
    for item_id in sorted(MARKED.keys() - {"b", "two"}):  # for which the same has to be done as for others
        do = json.loads(queue.command("why", item_id, "--json"))["do"]
        if "answer" in do:  # which asks on a terminal
            do = f"{do} 'this one'"
        typed(queue, do, *EDITS.get(item_id, ("", "")))
    queue.tick()
    assert marks_of(queue).keys() == {"flaky"}  # of which one can but look at what it printed


def typed(world: World, command: str, old: str, new: str) -> None:
    """A person types a command into a shell; in the editor, if it opens one, they replace a text."""
    editor = world.write(
        ".git/editor", f"import pathlib, sys\nfile = pathlib.Path(sys.argv[1])\ntext = file.read_text()\n"
        f"assert {old!r} in text\nfile.write_text(text.replace({old!r}, {new!r}))\n"
    )  # fmt: skip
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "EDITOR": f"{sys.executable} {editor}", "PATH": path}
    done = subprocess.run(["sh", "-c", command], cwd=world.root, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def seen(world: World, now: datetime) -> Iterator[tuple[SnapshotReader, Status]]:
    """The status as it is at a moment."""
    with closing(Repository(world.root, StandingStill(now))) as repository:
        reader = SnapshotReader(repository, "main")
        yield reader, status(reader, reader.snapshot(now, repository.tip("main")))


def row_of(world: World, item_id: str, now: datetime) -> Row:
    with seen(world, now) as (_, found):
        return next(row for row in found.rows if row.id == item_id)


def test_a_reviewer_is_silent_from_the_moment_on_at_which_they_would_have_answered(world: World) -> None:
    # given five verdicts that took two hours, and one that is awaited
    world.now = NOON
    for number in range(5):
        world.item(f"good-{number}", contract="reviewed")
    world.tick()
    world.now = NOON + 2 * HOUR
    for number in range(5):
        world.verdict(f"good-{number}", "approve")
    world.tick()
    world.now = NOON + 20 * HOUR
    world.item("one", contract="reviewed")
    world.tick()
    due = world.now + 2 * HOUR
    # then it is marked after that time, and not before
    assert row_of(world, "one", due).marks == ()
    (mark,) = row_of(world, "one", due + timedelta(seconds=1)).marks
    assert mark.in_words() == (
        "nobody has given the verdict of the seat human, although 95 % of 5 earlier answers came within 2 hours; "
        "factory review one"
    )
    # and a status that is remembered is remembered no longer than until then
    with seen(world, world.now) as (reader, found):
        assert found.until == due
        kept = to_remember(reader, reader.snapshot(world.now, reader.repository.tip("main")), found, "sight")
        assert kept is not None and kept.until == due.timestamp()
    # what a person has just said counts at once
    world.verdict("one", "approve")
    assert row_of(world, "one", due + HOUR).marks == ()


def test_a_mission_waits_in_vain_for_a_feature_that_is_blocked(world: World) -> None:
    mission = Mission(world)
    world.contract("stuck")
    mission.plan(
        [assertion("VAL-1", "a.txt")],
        milestone("m1", feature("a", "VAL-1", contract="stuck"), feature("b", infrastructure=True, depends_on=["a"])),
    )
    world.write("contracts/stuck.yaml", json.dumps({"purpose": "Fail.", "worker": {"run": ["sh", "-c", "exit 77"]}}))
    world.commit("Nobody can log in")
    mission.drain()
    assert world.lane("shop.a") == "blocked"
    assert marks_of(world) == {"shop": ["mission-blocked"], "shop.b": ["dependency-blocked"]}
    told = json.loads(world.command("why", "shop", "--json"))
    assert told["do"] == "factory retry shop.a"
    assert told["moves"].startswith("its item shop.a is blocked (the worker ended with exit status 77")


@contextmanager
def at_work(world: World, *steps: dict[str, object], patch: bool = True) -> Iterator[None]:
    """The item `one` is at work, has taken these steps and prints something."""
    world.contract("long", limits={"minutes": 20, "stall_minutes": 19}, produces={"patch": {"required": patch}})
    world.item("one", [*steps, {"say": "hm"}, {"sleep": 60}], contract="long")
    process = world.start("tick")
    live = world.root / ".git/factory/live/one"
    try:
        world.until(lambda: live.is_file() and live.stat().st_size > 0)
        yield
    finally:
        process.send_signal(2)
        process.communicate(timeout=20)


def later(minutes: int) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=minutes)


def test_a_run_that_prints_and_changes_nothing_is_marked_on_this_machine_once_half_its_time_is_over(
    world: World,
) -> None:
    # a cache of a tool's is no change
    with at_work(world, {"write": {"path": ".cache/x", "text": "x"}}):
        (mark,) = row_of(world, "one", later(11)).marks
        assert (mark.kind, mark.local, mark.do) == ("changes-nothing", True, "factory logs one")
        assert mark.reason == "its worker has printed 3 bytes in 11 minutes, and has changed no file"
        assert row_of(world, "one", later(9)).marks == ()
        assert world.command("logs", "one") == "hm\n"
        with seen(world, later(11)) as (reader, found):
            assert to_remember(reader, reader.snapshot(later(11), reader.repository.tip("main")), found, "x") is None


def test_a_run_that_need_not_change_anything_is_honest(world: World) -> None:
    with at_work(world, patch=False):
        assert row_of(world, "one", later(11)).marks == ()


@pytest.mark.parametrize(
    "change",
    [
        {"write": {"path": "new/deep/file.txt", "text": "new"}},
        {"write": {"path": "program.py", "text": "print('bye')\n"}},
        {"delete": "program.py"},
    ],
    ids=lambda change: "-".join(change),
)
def test_a_long_run_that_changes_something_is_honest(world: World, change: dict[str, object]) -> None:
    with at_work(world, change):
        row = row_of(world, "one", later(11))
        assert (row.state, row.marks) == ("running", ())
