"""Lines: what a fold reads of the lines of a journal. Less than the whole, so that many are read in little time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from factory.model.errors import InvalidFile, Problem
from factory.model.failure import FailureClass
from factory.model.lifecycle import Event, Lane, NotApplied, Outcome
from factory.model.verdict import Decision


@dataclass
class SeatLine:
    """What one seat said."""

    seat: str = ""
    decision: Decision = Decision.PENDING
    reviewer: str = ""
    lost: str = ""


@dataclass
class PhaseLine:
    """A part of an item's way."""

    name: str
    at: str
    seconds: float


@dataclass
class FindingLine:
    """What was found."""

    path: str = ""
    text: str = ""
    seat: str = ""


@dataclass
class UsageLine:
    """What a run has used."""

    input_tokens: int = 0
    output_tokens: int = 0
    usd: float | None = None
    estimated: bool = False
    incomplete: bool = False


@dataclass
class AgentLine:
    """What an agent said of itself."""

    model: str | None = None


@dataclass
class Line:
    """One line. Of what it says besides nothing is kept."""

    seq: int
    at: str
    event: Event
    to: Lane
    actor: str
    source: Annotated[Lane | None, Field(alias="from")] = None
    run: int = 0
    round: int = 1
    reason: str | None = None
    worker: str | None = None
    failure: FailureClass | None = None
    not_before: str | None = None
    proposal: str | None = None
    findings: tuple[FindingLine, ...] = ()
    verdicts: tuple[SeatLine, ...] = ()
    loose_ends: dict[str, str] | None = None
    questions: tuple[object, ...] = ()
    outcome: Outcome | None = None
    not_applied: NotApplied | None = None
    applied: str | None = None
    usage: UsageLine | None = None
    seconds: float | None = None
    phases: tuple[PhaseLine, ...] = ()
    agent: AgentLine | None = None


_LINE: TypeAdapter[Line] = TypeAdapter(Line)
_LINES: TypeAdapter[list[Line]] = TypeAdapter(list[Line])


def lines_of(data: bytes, path: str) -> list[Line]:
    """The lines in a journal's bytes. Raises InvalidFile naming the first bad one."""
    told = data.splitlines()
    try:
        lines = _LINES.validate_json(b"[" + b",".join(told) + b"]")  # all at once takes two thirds of the time
    except ValidationError:
        lines = []
    if [line.seq for line in lines] == [*range(1, len(told) + 1)]:
        return lines
    return [_line(text, path, number) for number, text in enumerate(told, 1)]


def _line(text: bytes, path: str, number: int) -> Line:
    try:
        line = _LINE.validate_json(text)
    except ValidationError as error:
        raise InvalidFile(Problem(path, number, 1, f"not a journal line: {error.errors()[0]['msg']}")) from None
    if line.seq != number:
        raise InvalidFile(Problem(path, number, 1, f"the entry's seq is {line.seq}, its place says {number}"))
    return line


def seconds_in(moment: str) -> int:
    """Seconds since 1970 of a time as a journal has it. Raises ValueError for what is no time."""
    found = datetime.fromisoformat(moment)
    if found.tzinfo is None:
        raise ValueError(f"{moment!r} does not say in which zone")
    return int(found.timestamp())
