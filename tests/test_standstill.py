"""A tick that found nothing to do spares the next one the pass, as long as nothing that a pass looks at has changed."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from factory.line.orchestrator import Orchestrator
from factory.line.watch import watch
from factory.model.errors import StopRequested
from factory.model.moments import moment_of
from factory.store import standstill
from factory.store.repository.repository import Repository
from factory.store.standstill import Standstill, remember, remembered, sight
from factory.store.system import System
from tests.world import World, say_nothing


def still(world: World) -> Standstill:
    """What two ticks have left that found nothing to do."""
    for _ in range(2):  # the first one takes in; the second has looked before it found nothing
        world.command("tick")
    world.command("tick")
    found = remembered(world.root / ".git/factory/standstill", Standstill)
    assert found is not None
    return found


def seen(world: World) -> str:
    with closing(Repository(world.root)) as repository:
        return sight(repository, "main", "main")


@pytest.fixture
def resting(world: World) -> World:
    world.item("held", text="hold: true\n")
    world.item("judged", contract="reviewed")
    assert still(world).sight
    return world


def test_a_tick_that_makes_no_pass_says_what_the_pass_said(resting: World) -> None:
    told = resting.command("tick")
    (resting.root / ".git/factory/standstill").unlink()
    assert resting.command("tick") == told
    assert "held (inbox): on hold" in told


def test_it_also_ends_with_the_same_exit_status(world: World) -> None:
    world.item("one", text="hold: true\n")
    world.tick()
    world.move("one", "queue/blocked", commit=True)
    assert still(world).counts["blocked"] == 1
    world.command("tick", "--strict", status=1)


def new_file(world: World) -> None:
    world.item("new")


def edit(world: World) -> None:
    path = world.root / "queue/inbox/held.yaml"
    path.write_text(path.read_text().replace("hold: true", "hold: false"))


def commit(world: World) -> None:
    edit(world)
    world.commit()


def verdict(world: World) -> None:
    world.verdict("judged", "approve")


def policy(world: World) -> None:
    world.policy("canary: off")


def lost_branch(world: World) -> None:
    world.git("branch", "-D", "factory/judged")


def folder_like_an_item(world: World) -> None:
    (world.root / "queue/inbox/folder.yaml").mkdir()


def rebase_begun(world: World) -> None:
    (world.root / ".git/MERGE_HEAD").write_text(world.git("rev-parse", "main") + "\n")


@pytest.mark.parametrize(
    "change", [new_file, edit, commit, verdict, policy, lost_branch, folder_like_an_item, rebase_begun]
)
def test_whatever_a_pass_looks_at_makes_the_next_tick_look(resting: World, change: Callable[[World], None]) -> None:
    before = seen(resting)
    change(resting)
    assert seen(resting) != before


@pytest.mark.parametrize("change", [new_file, edit, commit])
def test_what_came_meanwhile_is_done(resting: World, change: Callable[[World], None]) -> None:
    change(resting)
    resting.command("tick")
    assert resting.lane("new" if change is new_file else "held") == "done"


def test_what_lies_there_uncommitted_is_looked_at_each_time(world: World) -> None:
    world.write("queue/inbox/wrong.yaml", "titel: t\n")
    assert not still(world).sight
    assert "wrong.yaml" in world.ended("tick")[1]


def test_what_is_approved_and_waits_for_a_person_is_looked_at_each_time(world: World) -> None:
    world.item("one", contract="reviewed")
    world.command("tick")
    mine = world.write("one.txt", "mine, and in the way\n")
    world.verdict("one", "approve")
    assert not still(world).sight
    mine.unlink()
    world.command("tick")
    assert world.lane("one") == "done"


def test_it_ends_with_the_day_or_when_something_comes_due(resting: World) -> None:
    found = still(resting)
    assert found.until is not None
    until = moment_of(found.until)
    assert until - datetime.now(UTC) <= timedelta(days=1)
    assert found.lasts(found.sight, until - timedelta(seconds=1))
    assert not found.lasts(found.sight, until)
    assert not found.lasts("", until - timedelta(days=1))
    assert not found.lasts(found.sight, moment_of(found.since) - timedelta(seconds=1))


RUBBISH = [b"", b"\xff", b"{", b"[]", b"3", b"[" * 100_000, b"x" * 300_000, b'{"form": "0"}']


@pytest.mark.parametrize("data", RUBBISH, ids=lambda data: repr(data[:12]))
def test_rubbish_in_what_is_remembered_counts_as_nothing(resting: World, data: bytes) -> None:
    (resting.root / ".git/factory/standstill").write_bytes(data)
    new_file(resting)
    assert "1 done today" in resting.command("tick")


def test_what_another_version_remembers_counts_as_nothing(resting: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standstill, "__version__", "0.0.1")
    assert remembered(resting.root / ".git/factory/standstill", Standstill) is None


def test_what_was_changed_by_others_or_lost_its_end_counts_as_nothing(resting: World) -> None:
    place = resting.root / ".git/factory/standstill"
    whole = place.read_bytes()
    for data in (whole.replace(b"on hold", b"at hand"), whole[:-1], whole.partition(b"\n")[2]):
        place.write_bytes(data)
        assert remembered(place, Standstill) is None


def test_what_a_checkout_of_the_same_version_has_left_with_other_fields_counts_as_nothing(resting: World) -> None:
    @dataclass(frozen=True)
    class Other(Standstill):
        more: int = 1

    Other.__name__ = Standstill.__name__
    place = resting.root / ".git/factory/standstill"
    remember(place, Other("main", "main", "", "", 0, None))
    assert remembered(place, Standstill) is None
    assert "held (inbox): on hold" in resting.command("tick")


def test_of_two_kinds_neither_is_taken_for_the_other(resting: World) -> None:
    resting.command("status")
    assert remembered(resting.root / ".git/factory/status", Standstill, 10_000) is None


def test_a_folder_in_its_place_is_no_error(resting: World) -> None:
    place = resting.root / ".git/factory/standstill"
    place.unlink()
    place.mkdir()
    assert "held (inbox): on hold" in resting.command("tick")


def test_it_is_no_lock(resting: World) -> None:
    with closing(Repository(resting.root)) as repository, Orchestrator(repository, say_nothing).holding():
        assert "another orchestrator is at work" in resting.ended("tick")[1]


class _Hurried(System):
    """Time that passes whenever it is waited for, so that only the clock ever wakes."""

    def __init__(self) -> None:
        self.waited = 0

    def wait(self, *_: object, **__: object) -> bool:
        self.waited += 1
        return False


def test_run_leaves_out_the_passes_that_would_find_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.item("held", text="hold: true\n")
    world.tick()
    passes: list[int] = []
    one_pass = Orchestrator.one_pass
    system = _Hurried()

    def counted(self: Orchestrator, *, may_start: bool = True, most: int | None = None) -> object:
        if system.waited >= 6:
            raise StopRequested
        passes.append(system.waited)
        return one_pass(self, may_start=may_start, most=most)

    monkeypatch.setattr(Orchestrator, "one_pass", counted)
    turns: Iterator[int] = iter(range(100))

    def after_pass(_report: object) -> None:
        if next(turns) == 4:  # somebody drops a file that no news tells of
            world.write("queue/inbox/new.yaml", "title: New\nhold: true\n")
            os.utime(world.root / "queue/inbox/new.yaml")

    with closing(Repository(world.root, system)) as repository:
        orchestrator = Orchestrator(repository, say_nothing)
        with pytest.raises(StopRequested), orchestrator.holding():
            watch(orchestrator, after_pass)
    assert passes == [0, 1, 5]  # the first; the first that the clock asks for; and when there is something new
    assert Path("queue/inbox/new.yaml").name in world.git("ls-tree", "--name-only", "main", "queue/inbox/")
