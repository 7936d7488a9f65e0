"""An orchestrator makes one pass at a time, and only while it holds the lock."""

import errno
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from factory.line.orchestrator import Orchestrator
from factory.line.tick import tick
from factory.line.watch import watch
from factory.model.errors import OutOfTurn
from factory.model.events import Happening, Tell
from factory.store.repository.repository import Repository
from tests.world import World, say_nothing

WAYS: dict[str, Callable[[Orchestrator], object]] = {
    "tick": tick,
    "one_pass": lambda its: its.one_pass(),
    "at_head": lambda its: its.at_head(lambda snapshot: snapshot),
    "watch": lambda its: watch(its, lambda _: None),
}


@contextmanager
def made(world: World, tell: Tell = say_nothing) -> Iterator[Orchestrator]:
    world.item("one")
    world.commit("An item")
    with closing(Repository(world.root)) as repository:
        yield Orchestrator(repository, tell)


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_done_before_the_lock_is_held_or_after_it_was_let_go(world: World, way: str) -> None:
    with made(world) as orchestrator:
        with pytest.raises(OutOfTurn, match="within its `holding` only"):
            WAYS[way](orchestrator)
        with orchestrator.holding():
            pass
        with pytest.raises(OutOfTurn, match="has been left already"):
            WAYS[way](orchestrator)
    assert world.lane("one") == "inbox"
    assert world.events("one") == []


@pytest.mark.parametrize("way", WAYS)
def test_a_listener_cannot_begin_a_pass_in_the_midst_of_one_and_nothing_is_lost(world: World, way: str) -> None:
    # given a listener that asks for another pass whatever it is told, and minds no refusal
    refused: list[str] = []

    def tell(_: Happening) -> None:
        with pytest.raises(OutOfTurn) as raised:
            WAYS[way](its[0])
        refused.append(raised.value.message)

    its: list[Orchestrator] = []
    with made(world, tell) as orchestrator:
        its.append(orchestrator)
        with orchestrator.holding():
            tick(orchestrator)
    # then each of its calls was refused, and the pass did its work
    assert set(refused) == {"this orchestrator is in the midst of a pass; wake it, and it makes another one"}
    assert world.lane("one") == "done"


def test_an_orchestrator_that_could_not_begin_may_be_held_another_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a disk that is full when what a crash left is to be repaired
    full = [OSError(errno.ENOSPC, "No space left on device")]
    recover = Repository.recover

    def recover_or_fail(repository: Repository) -> bool:
        if full:
            raise full.pop()
        return recover(repository)

    monkeypatch.setattr(Repository, "recover", recover_or_fail)
    with made(world) as orchestrator:
        with pytest.raises(OSError, match="No space left"), orchestrator.holding():
            pass
        # when there is room again, then it goes on
        with orchestrator.holding():
            tick(orchestrator)
    assert world.lane("one") == "done"
