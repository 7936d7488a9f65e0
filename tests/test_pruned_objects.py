"""A person's `git gc --prune=now` while a batch is made ready: nobody's run is lost, and each is paid once."""

import errno
from collections.abc import Sequence
from contextlib import closing

import pytest

from factory.line.orchestrator import Orchestrator
from factory.line.tick import tick
from factory.store.repository.commits import Publisher, _Shown
from factory.store.repository.objects import MissingObject
from factory.store.repository.refs import RefUpdate
from factory.store.repository.repository import Repository
from tests.test_snapshot_races import PAID, costs
from tests.test_snapshot_races import subjects as subjects_of
from tests.world import World, say_nothing


def paid_items(world: World) -> tuple[str, ...]:
    names = ("a", "b")  # so few that each object is a file of its own, which a clean-up takes
    for name in names:
        world.item(name, [{"write": {"path": f"{name}.txt", "text": name}}, PAID[1]])
    world.commit("Items")
    return names


def begin_and_wait(orchestrator: Orchestrator) -> None:
    """All runs end before a pass takes what they came to: in one batch."""
    orchestrator.one_pass()
    for running in orchestrator.context.runs.running.values():
        running.future.result()


@pytest.mark.parametrize("lane", ["review", "done"])
def test_a_clean_up_as_a_batch_is_made_ready_loses_no_run(
    world: World, monkeypatch: pytest.MonkeyPatch, lane: str
) -> None:
    # given a clean-up in the moment when the ended runs, or the merges, are about to be published
    names = paid_items(world)
    cleaned: list[str] = []
    subjects = [""]
    make_ready, subject = _Shown.make_ready, Publisher._subject

    def noted(self: Publisher, updates: Sequence[RefUpdate]) -> str:
        subjects.append("\n".join(subjects_of(self._objects, updates)))
        return subject(self, updates)

    def after_clean_up(self: _Shown, *arguments: object) -> None:
        if f"-> {lane}" in subjects[-1] and not cleaned:
            cleaned.append(subjects[-1])
            world.git("gc", "-q", "--prune=now")
        make_ready(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Publisher, "_subject", noted)
    monkeypatch.setattr(_Shown, "make_ready", after_clean_up)
    # when passes go on
    with closing(Repository(world.root)) as repository:
        orchestrator = Orchestrator(repository, say_nothing)
        with orchestrator.holding():
            begin_and_wait(orchestrator)
            tick(orchestrator)
    # then each run counts, and is paid once
    assert cleaned
    assert [world.lane(name) for name in names] == ["done"] * 2
    assert [costs(world, name) for name in names] == [[0.25]] * 2
    world.git("fsck", "--strict")
    world.command("audit")


def test_what_a_clean_up_took_is_there_again_when_the_orchestrator_is_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given runs that have ended, and a clean-up while they are published, in which the disk is full too
    names, full = paid_items(world), [OSError(errno.ENOSPC, "No space left on device")]
    make_ready = _Shown.make_ready

    def or_fail(self: _Shown, *arguments: object) -> None:
        if full and orchestrator.context.runs.ended_runs():
            world.git("gc", "-q", "--prune=now")
            raise full.pop()
        make_ready(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(_Shown, "make_ready", or_fail)
    with closing(Repository(world.root)) as repository:
        orchestrator = Orchestrator(repository, say_nothing)
        with pytest.raises(OSError, match="No space left"), orchestrator.holding():
            begin_and_wait(orchestrator)
            # when the pass fails, and the orchestrator is left
            orchestrator.one_pass()
    # then what they came to is recorded
    assert [world.lane(name) for name in names] == ["review"] * 2
    assert [costs(world, name) for name in names] == [[0.25]] * 2
    world.command("audit")


def test_an_object_that_is_really_lost_is_tried_for_once(world: World) -> None:
    paid_items(world)
    tried: list[str] = []
    with closing(Repository(world.root)) as repository:
        orchestrator = Orchestrator(repository, say_nothing)

        def step(snapshot: object) -> None:
            tried.append("a")
            repository.objects.blob("a" * 40)

        with orchestrator.holding():
            with pytest.raises(MissingObject):
                orchestrator.at_head(step)
            assert len(tried) == 2
            tick(orchestrator)
