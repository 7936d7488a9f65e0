"""A journal that cannot be read: named, never written over, and no reason for anything to move or to stop."""

import pytest

from factory.line.snapshot import ItemState
from factory.line.writer import Move, Writer
from factory.model.errors import FactoryError
from factory.model.events import Blocked
from factory.model.journal import History
from factory.model.lifecycle import Lane
from factory.store.queue import Placed
from factory.store.repository.objects import Person
from factory.store.repository.repository import Repository
from tests.world import World, say_nothing

TORN = '{"seq":1,"at":"2026-01-01T00:0'


def spoil(world: World, item_id: str) -> str:
    """A commit cuts an item's journal in the middle of a line; the journal's path."""
    paths = world.git("ls-tree", "-r", "--name-only", "main", "artifacts").split("\n")
    path = next(path for path in paths if path.endswith(f"/{item_id}/journal.jsonl"))
    world.write(path, TORN)
    world.commit("Oh")
    return path


@pytest.mark.parametrize("moved", [False, True], ids=["where it was", "moved by hand"])
@pytest.mark.parametrize("lane", ["review", "blocked", "active", "rework"])
def test_nothing_moves_an_item_whose_journal_cannot_be_read(world: World, lane: str, moved: bool) -> None:
    # given an item that is under way, whose journal a commit has broken
    world.item("one", contract="reviewed")
    world.tick()
    if lane != "review":
        world.move("one", f"queue/{lane}", commit=True)
        if lane == "blocked":
            world.tick()
    if moved:
        world.move("one", "queue/inbox", commit=True)
    before = world.lane("one")
    whole = world.git("show", "main:artifacts/one/journal.jsonl") + "\n"
    path = spoil(world, "one")
    world.item("two")
    # when the factory makes passes
    said = world.command("tick", "--drain")
    # then the other goes its way, this one stays, and its journal is as the person left it
    assert world.lane("two") == "done"
    assert world.lane("one") == before
    assert world.read(path) == TORN
    assert f"{path}:1:1: not a journal line" in said
    assert f"{path}:1:1: not a journal line" in world.command("status")
    assert f"{path}:1:1: not a journal line" in world.command("check", status=1)
    # and once a person has mended it, all goes on
    world.write(path, whole)
    world.commit("Mend it")
    assert world.tick().problems == ()
    assert len(world.journal("one")) >= 3


def test_a_journal_is_never_written_over_by_somebody_who_could_not_read_it(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    head = world.git("rev-parse", "main")
    repository = Repository(world.root)
    try:
        writer = Writer(repository, "main", Person("factory", "factory@here"), say_nothing)
        writer.begin(head)
        case = ItemState(Placed("one", Lane.REVIEW, "queue/review/one.yaml", "0" * 40), None, History())
        with pytest.raises(FactoryError, match=r"artifacts/one/journal\.jsonl"):
            writer.move(case, Move(Blocked()))
    finally:
        repository.close()


def test_a_broken_item_with_a_whole_journal_is_still_moved_by_hand(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    world.write("queue/review/one.yaml", "title: [\n")
    world.commit("Oh")
    world.move("one", "queue/blocked", commit=True)
    world.tick()
    assert world.events("one")[-1] == "moved"


def test_a_broken_journal_of_an_item_without_a_file_stops_nobody(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    path = spoil(world, "one")
    world.git("rm", "-q", "queue/review/one.yaml", "queue/review/one.human.verdict.yaml")
    world.commit("Away with it")
    world.item("two")
    said = world.command("tick")
    assert f"{path}:1:1: not a journal line" in said
    assert world.lane("two") == "done"
    assert world.read(path) == TORN
    assert f"{path}:1:1: not a journal line" in world.command("status")


def test_a_dependency_whose_journal_cannot_be_read_counts_as_not_finished(world: World) -> None:
    world.item("first")
    world.tick()
    assert world.lane("first") == "done"
    spoil(world, "first")
    world.item("second", text="depends_on: [first]\n")
    world.item("third")
    said = world.command("tick")
    assert "first/journal.jsonl:1:1: not a journal line" in said
    assert (world.lane("second"), world.lane("third")) == ("inbox", "done")
    assert "waits for first" in world.command("status")
    # and when it is whole again, the wait ends
    world.git("revert", "--no-edit", world.git("log", "-1", "--format=%H", "--grep=^Oh$"))
    world.tick()
    assert world.lane("second") == "done"
