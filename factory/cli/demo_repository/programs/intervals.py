"""Intervals of numbers, each a pair of its first and its last."""

Interval = tuple[int, int]


def merged(intervals: list[Interval]) -> list[Interval]:
    """The same numbers in as few intervals as possible; intervals that touch become one."""
    result: list[Interval] = []
    for first, last in sorted(intervals):
        if result and first <= result[-1][1] + 1:
            start, end = result.pop()
            result.append((start, last))
        else:
            result.append((first, last))
    return result


def covered(intervals: list[Interval]) -> int:
    """How many numbers lie in at least one of the intervals."""
    return sum(last - first + 1 for first, last in merged(intervals))
