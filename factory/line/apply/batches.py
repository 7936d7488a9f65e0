"""Batches: how many of a train land, and which of it are checked next, from what is known of it. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

# What is known of the first so many of a train, checked on what the last of them makes of the target: whether all is
# well, or None before there is an answer.
Known = Callable[[int], bool | None]


@dataclass(frozen=True)
class Step:
    """What happens to a train."""

    land: int = 0  # so many, from the front
    check: tuple[tuple[int, int], ...] = ()  # batches, each from one place up to another, which is not part of it


def every(proven: Sequence[bool], clear: int) -> Step:
    """Each is checked in its place, at the same time, as if all ahead of it were to land; the proven front lands.

    No more than are clear: behind these, somebody was left out.
    """
    land = next((place for place, each in enumerate(proven[:clear]) if not each), clear)
    return Step(land, tuple((place, place + 1) for place in range(land, len(proven)) if not proven[place]))


def tip(size: int, proven: int, known: Known) -> Step:
    """Only the whole is checked, and if that fails, halves of it until the first is found that breaks it.

    With k that do among n, a power of two, all others have landed after 1 + k (log2 n + 1) checks at most. `proven`
    says how many at the front are known to be well without. The one that was found is left at the front, for the gate
    to judge.
    """
    red = next((count for count in range(1, size + 1) if known(count) is False), None)
    green = max((count for count in range(1, red or size + 1) if known(count)), default=0)
    green = max(green, proven)
    if red is None:
        return Step(green, _rest(green, size))
    if red == green + 1:
        return Step(green)
    return Step(0, ((0, green + _half(red - green)),))


def _half(candidates: int) -> int:
    """Where to look next for the first that breaks a train, among so many that may be it.

    A search by halves that takes the shorter ways to those in front, behind whom more is left to be checked.
    """
    depth = (candidates - 1).bit_length()
    spare = (1 << depth) - candidates  # so many are found with one check less than the others
    return max((1 << depth) // 4, (1 << depth) // 2 - spare)


def _rest(start: int, size: int) -> tuple[tuple[int, int], ...]:
    return ((start, size),) if start < size else ()
