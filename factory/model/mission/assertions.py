"""Assertions: a mission's validation contract, `assertions.yaml`, and what was found of each."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, RootModel, model_validator

from factory.model.base import Argv, Format, Moment, Name, Ordinal, RelativePath, Said, Text
from factory.model.item import CommitId, ItemId

CHECK = "check_"  # before the name of a check of services.yaml, where it stands among an item's criteria
MOST_ASSERTIONS = 1000  # of one mission

AssertionId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
Paths = Annotated[tuple[RelativePath, ...], Field(max_length=50)]


class Judge(StrEnum):
    """Who judges an assertion that has no check."""

    USER_TESTING = "user-testing"


class Assertion(Format):
    """One testable statement of what done means."""

    id: AssertionId
    area: Name = "all"  # those of one area are tried by one user, in turn
    text: Text
    check: Argv | None = None  # run by the factory on the target
    reads: Paths | None = None  # what the check reads, as of a contract's check; else everything
    by: Judge | None = None
    paths: Paths = ()  # what a pass rests on; else what the check reads
    guard: bool = False  # whether it is checked again after the mission's end, when its paths change
    holds_already: bool = False  # whether its check may pass before any work

    @model_validator(mode="after")
    def _is_called_as_no_check_of_services_is(self) -> Self:
        if self.id.startswith(CHECK):
            raise ValueError(f"an id that begins with {CHECK!r} is that of a check of services.yaml")
        return self

    @property
    def rests_on(self) -> tuple[str, ...]:
        """Patterns of the paths of which a change makes a pass stale."""
        return self.paths or self.reads or ("**",)


class Assertions(RootModel[Annotated[tuple[Assertion, ...], Field(min_length=1, max_length=MOST_ASSERTIONS)]]):
    """`contracts/missions/<id>/assertions.yaml`: a list."""


class AssertionState(StrEnum):
    """What is known of an assertion."""

    UNREAD = "unread"
    PASSED = "passed"
    FAILED = "failed"
    BLOCKED = "blocked"  # whoever was to judge it could not
    STALE = "stale"  # it passed, and what it rests on has changed


class Judgement(Format):
    """What was found of one assertion, as the mission's journal remembers it."""

    state: AssertionState
    by: Text  # a seat, or `check`
    at: Moment
    item: ItemId  # whose run it was
    run: Ordinal
    commit: CommitId  # of the target, on which it was found
    evidence: Text  # the digest of the evidence
    rests_on: Text  # the digest of its paths there
    said: Said = ""  # by whoever judged, or the last line of the check
