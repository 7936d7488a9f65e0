"""The result: what a worker says it did."""

from enum import StrEnum
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from factory.model.base import Argv, ExitStatus, Format, Moment, Said, SaidText
from factory.model.failure import Cost, FailureClass
from factory.model.questions import MOST_QUESTIONS, Question

CriterionAnswer = Literal["pass", "fail", "unread"]
MOST_CLAIMS = 20
MOST_TOKENS = 10**10  # that one run can have used; a larger number is no measurement
MOST_USD = 1000.0
MOST_LOOSE_ENDS = 20  # of each kind; each may become an item, and nobody reads more


class Status(StrEnum):
    """How a worker says its run ended."""

    OK = "ok"
    BLOCKED = "blocked"
    REFUSED = "refused"
    FAILED = "failed"


class Issue(Format):
    """Something the worker came across."""

    severity: Literal["blocker", "major", "minor", "note"] = "minor"
    text: SaidText


class Claim(Format):
    """A command the worker says it ran, and how it says the command ended."""

    run: Argv
    exit_code: ExitStatus


class Handoff(Format):
    """What the worker hands over to whoever comes next."""

    completed: tuple[Said, ...] = ()
    left_undone: Annotated[tuple[SaidText, ...], Field(max_length=MOST_LOOSE_ENDS)] = ()
    issues: Annotated[tuple[Issue, ...], Field(max_length=MOST_LOOSE_ENDS)] = ()
    commands: Annotated[tuple[Claim, ...], Field(max_length=MOST_CLAIMS)] = ()  # each is run again by the factory
    followed_procedure: bool = True
    deviations: tuple[Said, ...] = ()

    def loose_ends(self) -> dict[str, str]:
        """What may not be passed over in silence, by an id: what was left undone, and what was come across."""
        undone = {f"U{number}": text for number, text in enumerate(self.left_undone, 1)}
        return undone | {f"I{number}": f"{each.severity}: {each.text}" for number, each in enumerate(self.issues, 1)}


Tokens = Annotated[int, Field(ge=0, le=MOST_TOKENS)]


_Number = TypeVar("_Number", int, float)


def _beyond(now: _Number, before: _Number) -> _Number:
    return now - before if now >= before else now


class Usage(Format):
    """What a run cost. `usd` is None when nobody said: unknown is not free."""

    input_tokens: Tokens = 0  # all that were read; of these
    cached_input_tokens: Tokens = 0  # from a cache
    cache_write_tokens: Tokens = 0  # and written to one
    output_tokens: Tokens = 0
    usd: Annotated[float, Field(ge=0, le=MOST_USD)] | None = None
    estimated: bool = False  # whether `usd`, or a part of it, is reckoned from prices of tokens
    incomplete: bool = False  # whether `usd` is only a part: of somebody's work nobody said what it cost

    @property
    def tokens(self) -> int:
        """All tokens together."""
        return self.input_tokens + self.output_tokens

    @property
    def spent(self) -> float:
        """USD, as far as it was said."""
        return self.usd or 0.0

    def plus(self, more: "Usage | None") -> "Usage":
        """The sum of two."""
        return (
            self
            if more is None
            else Usage.model_construct(
                input_tokens=self.input_tokens + more.input_tokens,
                cached_input_tokens=self.cached_input_tokens + more.cached_input_tokens,
                cache_write_tokens=self.cache_write_tokens + more.cache_write_tokens,
                output_tokens=self.output_tokens + more.output_tokens,
                usd=None if self.usd is None and more.usd is None else self.spent + more.spent,
                estimated=self.estimated or more.estimated,
                incomplete=self.incomplete or more.incomplete,
            )
        )

    def at_least(self, before: "Usage") -> "Usage":
        """The greater one of each number."""
        known = [usd for usd in (self.usd, before.usd) if usd is not None]
        return Usage.model_construct(
            input_tokens=max(self.input_tokens, before.input_tokens),
            output_tokens=max(self.output_tokens, before.output_tokens),
            cached_input_tokens=max(self.cached_input_tokens, before.cached_input_tokens),
            cache_write_tokens=max(self.cache_write_tokens, before.cache_write_tokens),
            usd=max(known, default=None),
        )

    def less(self, before: "Usage") -> "Usage":
        """What came to this beyond what had been used before; a number that is lower does not count on, and stays."""
        return Usage.model_construct(
            input_tokens=_beyond(self.input_tokens, before.input_tokens),
            output_tokens=_beyond(self.output_tokens, before.output_tokens),
            cached_input_tokens=_beyond(self.cached_input_tokens, before.cached_input_tokens),
            cache_write_tokens=_beyond(self.cache_write_tokens, before.cache_write_tokens),
            usd=None if self.usd is None else _beyond(self.usd, before.spent),
        )


def _capped(usage: object) -> object:
    """What an earlier version wrote down of a worker's claims counts for no more than one run can have used."""
    if isinstance(usage, Usage):
        usage = usage.model_dump()
    if not isinstance(usage, dict):
        return usage
    counted = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens")
    most = {**dict.fromkeys(counted, MOST_TOKENS), "usd": MOST_USD}
    said = {key: value for key, value in usage.items() if value is not None and value == value}  # NaN says nothing
    return {key: _at_most(value, most[key]) if key in most else value for key, value in said.items()}


def _at_most(value: object, most: float) -> object:
    return max(0, min(value, most)) if isinstance(value, int | float) else value


CappedUsage = Annotated[Usage, BeforeValidator(_capped)]  # in a journal


class Result(Format):
    """`$FACTORY_OUT/result.json`, written by the worker."""

    status: Status
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None  # None where the worker does not say
    summary: Said = ""
    question: Said = ""
    questions: Annotated[tuple[Question, ...], Field(max_length=MOST_QUESTIONS)] = ()  # with status blocked
    handoff: Handoff = Handoff()
    acceptance: dict[str, CriterionAnswer] = {}
    data: JsonValue = None
    usage: Usage = Usage()
    failure: FailureClass | None = None  # with status failed: which kind, as far as a worker can know it
    resets_at: Moment | None = None  # with the failure rate_limit: when the limit is reset

    @property
    def asks(self) -> tuple[Question, ...]:
        """What a worker that is blocked asks: a single `question` is one without options."""
        alone = (Question(id="Q1", text=self.question),) if self.question.strip() else ()
        return (self.questions or alone) if self.status is Status.BLOCKED else ()

    @model_validator(mode="after")
    def _questions_can_be_told_apart(self) -> Self:
        if self.questions and (self.question or self.status is not Status.BLOCKED):
            raise ValueError("'questions' belongs to the status blocked, and stands in place of 'question'")
        if len({each.id for each in self.questions}) < len(self.questions):
            raise ValueError("two questions have the same id")
        return self

    @model_validator(mode="after")
    def _failure_is_one_that_a_worker_can_know(self) -> Self:
        if self.resets_at is not None and self.failure is not FailureClass.RATE_LIMIT:
            raise ValueError("'resets_at' belongs to the failure rate_limit, and to no other")
        if self.failure is None:
            return self
        if self.status is not Status.FAILED:
            raise ValueError("'failure' belongs to the status failed, and to no other")
        if self.failure.cost is Cost.ROUND:
            raise ValueError(f"{self.failure} is what the factory itself finds; a worker cannot say it")
        return self
