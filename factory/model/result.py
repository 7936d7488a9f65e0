"""The result: what a worker says it did."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from factory.model.base import Argv, Format, Text

Answer = Literal["pass", "fail", "unread"]


class Status(StrEnum):
    """How a worker says its run ended."""

    OK = "ok"
    BLOCKED = "blocked"
    REFUSED = "refused"
    FAILED = "failed"


class Issue(Format):
    """Something the worker came across."""

    severity: Literal["blocker", "major", "minor", "note"] = "minor"
    text: Text


class Claim(Format):
    """A command the worker says it ran, and how it says the command ended."""

    run: Argv
    exit_code: int


class Handoff(Format):
    """What the worker hands over to whoever comes next."""

    completed: tuple[str, ...] = ()
    left_undone: tuple[Text, ...] = ()
    issues: tuple[Issue, ...] = ()
    commands: tuple[Claim, ...] = ()
    followed_procedure: bool = True
    deviations: tuple[str, ...] = ()


class Usage(Format):
    """What a run cost."""

    input_tokens: Annotated[int, Field(ge=0)] = 0
    output_tokens: Annotated[int, Field(ge=0)] = 0
    usd: Annotated[float, Field(ge=0)] = 0.0


class Result(Format):
    """`$FACTORY_OUT/result.json`, written by the worker."""

    status: Status
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0
    summary: str = ""
    question: str = ""
    handoff: Handoff = Handoff()
    acceptance: dict[str, Answer] = {}
    data: JsonValue = None
    usage: Usage = Usage()
