"""Chains of file operations by chance."""

from random import Random

from tests.simulation.disk.conformance import DEEDS, Step

_SLOTS = 4
_ODD = ["a", "b", "..", ".", "", "é", "x" * 300]
_MORE_OFTEN = [
    "mkdir",
    "onto itself",
    "write whole",
    "open",
    "symlink",
    "rename",
    "stat",
    "stream",
    "hard link",
    "write",
    "scan",
    "append",
]
_WHAT = [*sorted(DEEDS), *_MORE_OFTEN, *_MORE_OFTEN]


def chain(random: Random, length: int) -> list[Step]:
    """So many operations by chance, on few names, so that they meet."""
    return [_step(random) for _ in range(length)]


def _step(random: Random) -> Step:
    return Step(
        what=random.choice(_WHAT),
        path=_path(random),
        other=_path(random),
        number=random.randrange(40),
        data=random.randbytes(random.randrange(8)),
        slot=random.randrange(_SLOTS),
    )


def _path(random: Random) -> str:
    if random.random() < 0.15:
        return "/".join(random.choices(_ODD, k=random.randint(1, 4)))
    return "/".join(random.choices("ab" if random.random() < 0.8 else "abc", k=random.choice([1, 1, 2, 2, 3])))
