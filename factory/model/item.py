"""The item: one task, written by a person, never rewritten by the factory."""

import re
from collections.abc import Iterator
from enum import StrEnum
from itertools import count
from typing import Annotated, Self

from pydantic import Field, JsonValue, StringConstraints, model_validator

from factory.model.base import Argv, Format, Minutes, Name, Positive, Text

ID_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")

_FOLDERS = {"done": "finished", "archive": "archived"}  # beside those that are called after items

CommitId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
ItemId = Annotated[str, StringConstraints(pattern=rf"^{ID_PATTERN.pattern}$")]


def id_problem(item_id: str) -> str:
    """Why this cannot be an item's id; empty when it can."""
    for ending in (".verdict", ".answers"):
        if item_id.endswith(ending):
            return f"the id {item_id!r} ends in {ending!r}, as files do that people answer in; rename the file"
    if item_id in _FOLDERS:
        return f"the id {item_id!r} is the name of the folder for {_FOLDERS[item_id]} items; rename the file"
    if ".." in item_id or item_id.endswith((".", ".lock")):
        return f"the id {item_id!r} cannot name a branch: no '..', and no '.' or '.lock' at its end; rename the file"
    if ID_PATTERN.fullmatch(item_id):
        return ""
    return f"the id {item_id!r} must be 1 to 80 of a-z 0-9 . _ - and begin with a letter or digit; rename the file"


def ids_from(base: str) -> Iterator[str]:
    """Ids to choose a free one from: the base itself, then with -2, -3 and so on behind it."""
    yield base
    for number in count(2):
        end = f"-{number}"
        yield base[: 80 - len(end)].rstrip("-._") + end


def slug(title: str) -> str:
    """A readable id made from a title; may be taken already."""
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    words = words[:60].rstrip("-") or "item"
    return f"item-{words}" if id_problem(words) else words


class Validator(StrEnum):
    """Who looks at what a milestone of a mission has come to."""

    SCRUTINY = "scrutiny"  # checks on the target, and a reviewer for each feature
    TESTING = "testing"  # a user of the running program


class Criterion(Format):
    """One thing that done means. Without a `check` a seat must answer it."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
    text: Text
    check: Argv | None = None
    must_fail_before: bool = False  # the check has to fail without the change, or it proves nothing

    @model_validator(mode="after")
    def _only_a_check_can_fail(self) -> Self:
        if self.must_fail_before and self.check is None:
            raise ValueError("'must_fail_before' needs a 'check'")
        return self


class Budget(Format):
    """The most an item may cost over its whole life."""

    usd: Positive | None = None
    tokens: Annotated[int, Field(gt=0, le=10**15)] | None = None
    minutes: Minutes | None = None


# Each is held against those of all others that are under way.
Scope = Annotated[tuple[Annotated[Text, Field(max_length=300)], ...], Field(max_length=50)]


class Item(Format):
    """A task. Only the title is required."""

    title: Text
    contract: Name | None = None
    description: str = ""
    priority: Annotated[int, Field(ge=1, le=4)] | None = None
    labels: tuple[Text, ...] = ()
    depends_on: tuple[ItemId, ...] = ()
    inputs: dict[str, JsonValue] = {}
    acceptance: tuple[Criterion, ...] = ()
    hold: bool = False
    scope: Scope = ()  # the paths that it is about: it does not start beside another that is about the same
    budget: Budget = Budget()
    discovered_from: ItemId | None = None  # the item whose worker came across it
    mission: ItemId | None = None  # the mission that it is a part of
    milestone: Name | None = None
    fulfills: tuple[Text, ...] = ()  # the mission's assertions that hold once it is done
    steers: bool = False  # whether it answers a milestone's issues, by a change of the plan
    reviews: tuple[ItemId, ...] = ()  # the features whose patches scrutiny looks at
    validates: Validator | None = None  # it changes nothing: it finds out what a milestone has come to
    reverts: CommitId | None = None  # the applied change to be undone; then the factory itself makes the proposal

    @property
    def looked_at(self) -> dict[str, str]:
        """The features whose patches scrutiny looks at: the item of each, by the name of the seat that does."""
        return {item_id.rpartition(".")[2]: item_id for item_id in self.reviews}

    @property
    def by_itself(self) -> bool:
        """Whether the factory does the worker's part: it undoes a change, or changes nothing and has others look."""
        return bool(self.reverts) or self.validates is Validator.SCRUTINY

    @model_validator(mode="after")
    def _criteria_have_ids_of_their_own(self) -> Self:
        ids = [criterion.id for criterion in self.acceptance]
        if len(set(ids)) < len(ids):
            raise ValueError("two acceptance criteria have the same id")
        return self
