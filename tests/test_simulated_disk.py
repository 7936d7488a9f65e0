"""The simulated disk: what is seen of it is what is seen of the machine's own, whatever is done."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.simulation.disk.chains import chain
from tests.simulation.disk.conformance import Side, Step
from tests.simulation.disk.disk import Disk
from tests.simulation.disk.mounted import mounted

CHAINS, LENGTH = 40, 60


@contextmanager
def two_sides() -> Iterator[tuple[Side, Side]]:
    with tempfile.TemporaryDirectory() as real, mounted(Disk(lambda: 1.7e9)):
        before = os.umask(0o022)
        sides = Side(Path(real) / "outer"), Side(Path("/simulated/outer"))
        try:
            yield sides
        finally:
            for side in sides:
                side.close()
            os.umask(before)


def difference(steps: list[Step]) -> str:
    """Where the two disks part, doing these; nothing when they do not."""
    with two_sides() as (real, simulated):
        for number, step in enumerate(steps):
            here, there = simulated.do(step), real.do(step)
            if here != there:
                return f"{number}: {step} shows {here}, and on the machine {there}"
        here, there = simulated.all(), real.all()
        return "" if here == there else f"at the end there is {here}, and on the machine {there}"


def shortest(steps: list[Step]) -> list[Step]:
    """What is left when every step without which they part as well is left out."""
    for number in reversed(range(len(steps))):
        fewer = steps[:number] + steps[number + 1 :]
        if difference(fewer):
            steps = fewer
    return steps


@pytest.mark.parametrize("seed", range(CHAINS))
def test_a_chain_of_any_operations_shows_what_it_shows_on_the_machine(seed: int) -> None:
    steps = chain(Random(seed), LENGTH)
    if difference(steps):
        steps = shortest(steps)
        raise AssertionError("\n".join([difference(steps), *map(str, steps)]))


def test_a_way_up_out_of_a_folder_ends_with_the_folder() -> None:
    with mounted(Disk(lambda: 1.7e9)):
        os.makedirs("/simulated/a/b")  # noqa: PTH103
        Path("/simulated/link").symlink_to("a/b/..")
        for way in ("/simulated/a/b/../file", "/simulated/link/file"):
            Path(way).write_bytes(b"")
        os.rmdir("/simulated/a/b")  # noqa: PTH106
        for way in ("/simulated/a/b/../file", "/simulated/link/file"):
            assert not os.path.lexists(way)
        assert Path("/simulated/a/file").exists()
