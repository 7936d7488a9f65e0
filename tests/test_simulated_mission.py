"""A long mission in small; `python -m tests.simulation mission` is the whole of it."""

import pytest

from tests.simulation.mission import Size, carried_out


@pytest.mark.parametrize("seed", [1, 2])
def test_a_mission_ends_proven_whatever_its_workers_do_and_however_often_it_is_killed(seed: int) -> None:
    size = Size(assertions=10, features=4, milestones=2)
    ended = carried_out(size, seed, every_s=10, quota=100, most_hours=200)
    assert ended.wrong == []
    assert ended.passed == size.assertions
    assert ended.approvals == 1
    assert ended.kills > 5
