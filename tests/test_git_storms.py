"""Small samples of the storms of git and of branches; `python -m tests.storms` names the whole of them."""

from pathlib import Path

from tests.storms import branches, git


def test_a_person_at_work_with_git_beside_a_busy_run_loses_nothing(tmp_path: Path) -> None:
    git.storm(tmp_path, 3, 25)  # it asserts all along


def test_a_person_who_switches_beside_a_busy_run_always_finds_the_way_back(tmp_path: Path) -> None:
    branches.storm(tmp_path, 3, 6)  # it asserts all along
