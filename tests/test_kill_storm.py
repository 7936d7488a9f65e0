"""A small sample of the storm of kills; `python -m tests.storms kills` is the whole of it."""

from pathlib import Path

from tests.storms.kills import storm


def test_two_clones_that_are_killed_again_and_again_lose_and_double_nothing(tmp_path: Path) -> None:
    storm(tmp_path, seed=7, kills=4)  # it asserts all along
