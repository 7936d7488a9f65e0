"""Dependencies: which items wait for each other in a circle, so that none of them ever starts. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

_LONGEST = 6  # items of a circle that are told


def circles(needs: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """For every item found in a circle, the way from it back to itself, a long one cut in the middle.

    `needs` says what each one depends on.
    """
    ahead = {each: {need for need in needed if need in needs} for each, needed in needs.items()}
    behind: dict[str, set[str]] = defaultdict(set)
    for each, needed in ahead.items():
        for need in needed:
            behind[need].add(each)
    free = [each for each, needed in ahead.items() if not needed]
    while free:
        done = free.pop()
        del ahead[done]
        for each in behind[done]:
            ahead[each].discard(done)
            if not ahead[each]:
                free.append(each)
    found: dict[str, tuple[str, ...]] = {}
    seen: set[str] = set()
    for start in sorted(ahead):
        way: dict[str, None] = {}  # in the order in which it leads on
        now = start
        while now not in seen:
            seen.add(now)
            way[now] = None
            now = min(ahead[now])
        if now in way:
            walked = list(way)
            circle = walked[walked.index(now) :]
            found |= {each: _way_round(circle, at) for at, each in enumerate(circle)}
    return found


def _way_round(circle: list[str], at: int) -> tuple[str, ...]:
    if len(circle) <= _LONGEST:
        return (*circle[at:], *circle[: at + 1])
    first = (circle[(at + step) % len(circle)] for step in range(_LONGEST - 2))
    return (*first, "…", circle[at - 1], circle[at])


def in_a_circle(way: tuple[str, ...]) -> str:
    """What is said of an item in a circle."""
    shown = f": {' -> '.join(way)}" if len(way) > 2 else ""
    return f"{way[0]} depends on itself, and can never start{shown}"
