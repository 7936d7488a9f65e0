"""Trace ids: which trace and which span a part of an item's way is, to everybody who knows the item and its journal."""

import hashlib
from datetime import datetime

from factory.model.moments import rfc3339

_TRACE_DIGITS, _SPAN_DIGITS = 32, 16  # hexadecimal, as W3C Trace Context has them
_SAMPLED = "01"

VARIABLE = "TRACEPARENT"  # in which a process is told of the span that it works under
WORKER = "worker"  # the phase of a run in which its worker works


def seat_phase(seat: str) -> str:
    """The phase of a run in which a machine seat judges."""
    return f"seat {seat}"


def trace_id(item_id: str, submitted: datetime | None) -> str:
    """The trace of an item: of its id and of when it was submitted, as other factories have items of the same id."""
    return _digest(_TRACE_DIGITS, "trace", item_id, rfc3339(submitted) if submitted else "")


def span_id(trace: str, *names: str) -> str:
    """A span of a trace: by the number in the journal, or the run, that it is of, and by its name."""
    return _digest(_SPAN_DIGITS, "span", trace, *names)


def run_name(run: int) -> str:
    """The span of a run."""
    return f"run {run}"


def traceparent(item_id: str, submitted: datetime | None, run: int, phase: str) -> str:
    """What a process is given that works in a phase of a run, so that its own spans lie below that one's."""
    trace = trace_id(item_id, submitted)
    return f"00-{trace}-{span_id(trace, run_name(run), phase)}-{_SAMPLED}"


def _digest(digits: int, *parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:digits]
