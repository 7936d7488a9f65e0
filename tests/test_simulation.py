"""The simulation, in small: some seeds, what it found once, and that it finds what is planted."""

from pathlib import Path

import pytest

from tests.simulation.mutants import MUTANTS, Mutant
from tests.simulation.play import play
from tests.simulation.replay import by_path, durable_steps, history, quiet
from tests.simulation.steps import Script, script_of
from tests.test_crash import needs_strace

KEPT = sorted((Path(__file__).parent / "simulation" / "kept").glob("*.json"))


@pytest.mark.parametrize("seed", range(1, 25))
def test_whatever_happens_by_a_seed_nothing_is_lost_and_nothing_unproven_lands(seed: int) -> None:
    assert play(script_of(seed)).violations == []


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_what_was_found_once_does_not_come_back(path: Path) -> None:
    assert play(Script.read(path)).violations == []


@pytest.mark.parametrize("seed", [2, 4])  # a crowded one, and one with two clones
def test_a_script_that_is_kept_is_read_as_it_was(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text(script_of(seed).to_json())
    assert Script.read(path) == script_of(seed)


def test_a_seed_gives_the_same_history_each_time() -> None:
    first, second = play(script_of(7)), play(script_of(7))
    assert (first.head, first.operations, first.checks) == (second.head, second.operations, second.checks)


@pytest.mark.parametrize("seed", [3, 6, 8])  # the last one with two clones
def test_the_real_git_on_a_real_disk_makes_the_same_history(seed: int) -> None:
    script = quiet(script_of(seed))
    assert history(script, real=True) == history(script, real=False)


@needs_strace
@pytest.mark.parametrize("seed", [1, 2])
def test_the_real_machine_does_the_same_to_each_file_as_the_simulated_one(seed: int) -> None:
    script = quiet(script_of(seed))
    assert by_path(durable_steps(script, real=True)) == by_path(durable_steps(script, real=False))


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_each_mutant_changes_a_line_that_there_is(mutant: Mutant) -> None:
    assert mutant.place >= 0 and mutant.before != mutant.after
