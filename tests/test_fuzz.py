"""Files that nobody would write: a located message each, nobody else stopped. `python -m tests.fuzz` has thousands."""

from pathlib import Path

import pytest

from tests.fuzz.doors import through
from tests.fuzz.inputs import SEEDS, make
from tests.fuzz.town import build, rounds, visit
from tests.world import World

SEED = 8
# What once ended in anything but a located message, by kind, seed and number.
FOUND = ["verdict/3/2", "verdict/3/3"]


@pytest.mark.parametrize("kind", SEEDS)
def test_a_spoiled_file_is_taken_or_refused_with_its_place(kind: str) -> None:
    for number in range(25):
        given = make(kind, SEED, number)
        try:
            through(given)
        except Exception as error:
            raise AssertionError(f"{given.seed}: {given.data[:300]!r}") from error


def test_a_kind_that_is_not_spoiled_is_taken() -> None:
    taken = {kind for kind in SEEDS for number in range(60) if through(make(kind, SEED, number))}
    assert taken == set(SEEDS)


def test_spoiled_files_that_are_committed_stop_no_command_and_are_not_lost(tmp_path: Path) -> None:
    build(tmp_path / "template")
    spoiled = [make(kind, SEED, 1) for kind in SEEDS] + [make("workflow", SEED, 2)]
    found = [make(kind, int(seed), int(number)) for kind, seed, number in (each.split("/") for each in FOUND)]
    for number, group in enumerate(rounds([*spoiled, *found])):
        visit(tmp_path / "template", tmp_path / str(number), group)


def test_a_verdict_file_that_is_no_text_can_still_be_looked_at(world: World) -> None:
    world.item("one", contract="reviewed")
    world.tick()
    (world.root / "queue/review/one.human.verdict.yaml").write_bytes(b"\x8a\xff no text\n")
    world.commit()
    assert "no text" in world.command("review", "one")
    assert "one.human.verdict.yaml:1:1: is not UTF-8 text" in world.command("check", status=1)
