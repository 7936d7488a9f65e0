"""Searching in sorted lists by halving them."""

from collections.abc import Sequence


def first_not_below(values: Sequence[int], wanted: int) -> int:
    """The index of the first value that is not less than the wanted one; the length if all are less."""
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) // 2
        if values[middle] < wanted:
            low = middle
        else:
            high = middle
    return low


def count_of(values: Sequence[int], wanted: int) -> int:
    """How often a value occurs in a sorted list."""
    return first_not_below(values, wanted + 1) - first_not_below(values, wanted)
