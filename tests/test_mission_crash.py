"""A mission survives a crash at any moment, and the loss of the clone that carried it out: it goes on where it was."""

import signal
import subprocess
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path

import pytest

from tests.missions import Mission, assertion, feature, milestone
from tests.witness import Background, assert_history_agrees, assert_nothing_left, wait_for
from tests.world import World

TABLE = {
    "shop.b": {"write": {"b.txt": "done BUG", "a.txt": "broken"}},
    "shop.fix-1": {"write": {"a.txt": "done"}},
    "shop.fix-2": {"write": {"b.txt": "done"}},
}
ITEMS = ("shop.a", "shop.b", "shop.c", "shop.fix-1", "shop.fix-2", "shop.m1.scrutiny", "shop.m2.scrutiny")
PAUSES = (1, 4, 2, 7, 3, 5)  # how many commits of the factory before each kill


def approved(world: World) -> None:
    """A mission with a defect that a check finds, and one that a reviewer does; a person has approved its plan."""
    mission = Mission(world, TABLE)
    mission.plan(
        [assertion("VAL-1", "a.txt"), assertion("VAL-2", "b.txt"), assertion("VAL-3", "c.txt")],
        milestone("m1", feature("a", "VAL-1"), feature("b", "VAL-2"), max_rounds=5),
        milestone("m2", feature("c", "VAL-3")),
    )
    world.commit("Approved")


@pytest.fixture
def shop(tmp_path: Path) -> World:
    return World.after(approved, tmp_path / "repo")


def steps(world: World) -> list[tuple[str, str]]:
    """What the mission's journal tells, in turn."""
    return [(str(entry.event), entry.reason or "") for entry in world.journal("shop")]


def assert_as_if_nothing_had_happened(world: World, told: list[tuple[str, str]]) -> None:
    """The end of an undisturbed mission, by the same steps."""
    assert world.lane("shop") == "done", world.command("status")
    assert steps(world) == told
    for item_id in ITEMS:
        assert world.events(item_id).count("finish") == 1, item_id
    subjects = world.git("log", "--first-parent", "--format=%s", "--grep=^Merge shop", "main").split("\n")
    assert len(subjects) == len({subject.split(":")[0] for subject in subjects}) == 6
    assert_history_agrees(world, *ITEMS)
    assert_nothing_left(world)
    world.command("audit")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """The steps of an undisturbed mission."""
    world = World.after(approved, tmp_path_factory.mktemp("undisturbed") / "repo")
    world.tick(drain=True)
    assert world.lane("shop") == "done", world.command("status")
    return steps(world)


def killed_after(world: World, commits: int, *command: str) -> bool:
    """Kill the factory once it has made so many commits; whether it was not done by then."""
    before = int(world.git("rev-list", "--count", "main"))
    living = Background(world, *command)
    wait_for(
        lambda: living.process.poll() is not None or int(world.git("rev-list", "--count", "main")) >= before + commits,
        30,
    )
    living.signal(signal.SIGKILL)
    status, _, err = living.end()
    assert "Traceback" not in err, err
    return status == -signal.SIGKILL


def test_a_mission_whose_factory_is_killed_again_and_again_takes_the_same_steps(
    shop: World, told: list[tuple[str, str]]
) -> None:
    kills = 0
    for commits in cycle(PAUSES):
        if not killed_after(shop, commits, "tick", "--drain"):
            break
        kills += 1
    assert kills > 5
    assert_as_if_nothing_had_happened(shop, told)


@pytest.mark.parametrize("commits", [3, 17])
def test_another_clone_goes_on_with_a_mission_whose_clone_has_died(
    shop: World, told: list[tuple[str, str]], tmp_path: Path, commits: int
) -> None:
    assert killed_after(shop, commits, "run")
    subprocess.run(["git", "clone", "-q", "--no-local", shop.root, tmp_path / "other"], check=True)
    other = World(tmp_path / "other", datetime.now(UTC) + timedelta(hours=3))  # the lease of what was under way is over
    other.tick(drain=True)
    assert_as_if_nothing_had_happened(other, told)
