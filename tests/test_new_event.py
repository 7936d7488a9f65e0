"""What somebody writes who adds an event: a payload, and the step that makes it."""

from contextlib import closing
from dataclasses import dataclass
from typing import ClassVar

from factory.line.context import Context
from factory.line.orchestrator import Orchestrator
from factory.line.snapshot import Snapshot
from factory.line.writer import Move
from factory.model.events import Happening, Recorded
from factory.model.lifecycle import Event, Lane
from factory.store.repository.repository import Repository
from tests.world import World


@dataclass(frozen=True)
class Expired:
    """Nobody got to it in time."""

    event: ClassVar = Event.BLOCK
    to: ClassVar = Lane.BLOCKED
    reason: str


def expire(context: Context, snapshot: Snapshot) -> None:
    """Put before a person what waits past its day."""
    for state in snapshot.in_lane(Lane.INBOX):
        day = state.item.inputs.get("until") if state.item else None
        if isinstance(day, str) and day < f"{snapshot.now:%Y-%m-%d}":
            context.writer.move(state, Move(Expired(f"it was to be done until {day}")))
    context.writer.publish()


def test_a_new_event_is_journaled_and_told_as_the_same_object(world: World) -> None:
    world.write("queue/inbox/late.yaml", "title: late\ninputs: {until: '2020-01-01'}\n")
    world.write("queue/inbox/soon.yaml", "title: soon\ninputs: {until: '2999-01-01'}\n")
    world.commit("Two items")
    told: list[Happening] = []
    with closing(Repository(world.root)) as repository:
        orchestrator = Orchestrator(repository, told.append)
        with orchestrator.holding():
            orchestrator.at_head(lambda snapshot: expire(orchestrator.context, snapshot))
    last = world.last("late")
    assert told == [Recorded("late", last)]
    assert (last.event, last.reason) == (Event.BLOCK, "it was to be done until 2020-01-01")
    assert (world.lane("late"), world.lane("soon")) == ("blocked", "inbox")
    assert "it was to be done until 2020-01-01" in world.command("log", "late")
