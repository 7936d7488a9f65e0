"""Percentiles by nearest rank: each is one of the values that were measured."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

Value = TypeVar("Value")

SHOWN: Mapping[str, int] = {"median": 50, "p85": 85, "p95": 95}


def percentile(ordered: Sequence[Value], percent: int) -> Value:
    """The least of these values, at least one and in their order, that so many of a hundred do not exceed."""
    return ordered[max(0, -(-percent * len(ordered) // 100) - 1)]
