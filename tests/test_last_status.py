"""`factory status` says again what it said last, as long as nothing has changed on which that hangs."""

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from factory.line.orchestrator import Orchestrator
from factory.report.status_row import REMEMBERED_MOST, LastStatus
from factory.store.repository.repository import Repository
from factory.store.standstill import remember, remembered
from tests.missions import Mission, assertion, feature, milestone
from tests.test_standstill import RUBBISH, commit, edit, lost_branch, new_file, policy, rebase_begun, verdict
from tests.world import World, say_nothing


def kept(world: World) -> Path:
    return world.root / ".git/factory/status"


def last(world: World) -> LastStatus:
    found = remembered(kept(world), LastStatus, REMEMBERED_MOST)
    assert found is not None
    return found


def anew(world: World) -> str:
    """What a look at the queue says."""
    kept(world).unlink(missing_ok=True)
    return said(world)


def said(world: World) -> str:
    """What the command says, but for the seconds."""
    return re.sub(r" \d+s  ", " .s  ", "\n".join(map(str, world.ended("status"))))


@pytest.fixture
def resting(world: World) -> World:
    world.item("held", text="hold: true\n")
    world.item("judged", contract="reviewed")
    world.command("tick")
    return world


def test_what_was_said_last_is_said_again(resting: World) -> None:
    told = anew(resting)
    assert "on hold" in told and {row.id for row in last(resting).rows} == {"held", "judged"}
    found = last(resting)
    rows = tuple(row._replace(note=row.note.replace("on hold", "as it was")) for row in found.rows)
    remember(kept(resting), replace(found, rows=rows))
    assert said(resting).replace("as it was", "on hold") == told


def test_a_mission_under_way_at_which_nobody_works_keeps_nothing_from_being_said_again(world: World) -> None:
    mission = Mission(world)
    mission.plan(
        [assertion("VAL-1", "a.txt")], milestone("m1", feature("a", "VAL-1"), feature("b", infrastructure=True))
    )
    world.tick()
    assert "under-way" in anew(world)
    assert {row.id for row in last(world).rows} == {"shop", "shop.b"}
    before = said(world)
    world.tick()
    assert said(world) != before


@pytest.mark.parametrize("change", [new_file, edit, commit, verdict, policy, lost_branch, rebase_begun])
def test_whatever_it_shows_is_shown_as_it_is_now(resting: World, change: Callable[[World], None]) -> None:
    anew(resting)
    change(resting)
    told = said(resting)
    assert told == anew(resting)


def test_what_ages_is_as_old_as_it_is_now(resting: World) -> None:
    anew(resting)
    found = last(resting)
    older = tuple(row._replace(since=row.since - 2 * 86400) for row in found.rows if row.since)
    remember(kept(resting), replace(found, rows=older))
    assert "2d" in resting.command("status")


def test_an_orchestrator_that_is_at_work_is_told_of(resting: World) -> None:
    anew(resting)
    with closing(Repository(resting.root)) as repository, Orchestrator(repository, say_nothing).holding():
        assert "none is running" not in resting.command("status")


def test_what_is_wrong_is_looked_at_each_time(resting: World) -> None:
    resting.write("queue/inbox/wrong.yaml", "titel: t\n")
    resting.command("status")
    assert not kept(resting).exists()


def test_what_is_approved_and_in_the_way_of_a_person_is_looked_at_each_time(world: World) -> None:
    world.item("one", contract="reviewed")
    world.command("tick")
    mine = world.write("one.txt", "mine, and in the way\n")
    world.verdict("one", "approve")
    world.command("tick")
    before = said(world)
    mine.unlink()
    assert said(world) != before


@pytest.mark.parametrize("data", RUBBISH, ids=lambda data: repr(data[:12]))
def test_rubbish_in_what_is_remembered_counts_as_nothing(resting: World, data: bytes) -> None:
    told = anew(resting)
    kept(resting).write_bytes(data)
    assert said(resting) == told


def test_a_folder_in_its_place_is_no_error(resting: World) -> None:
    told = anew(resting)
    kept(resting).unlink()
    kept(resting).mkdir()
    assert said(resting) == told
