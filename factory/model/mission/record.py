"""The record of a mission: what its journal adds up to of items that were filed, and of what these found."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated, NamedTuple, Self

from pydantic import Field

from factory.model.base import Format, Name, SaidText, Text
from factory.model.item import ItemId
from factory.model.lifecycle import Outcome
from factory.model.mission.assertions import AssertionId, AssertionState, Judgement

MOST_FILED = 1000  # items, in one line of a journal
MOST_ISSUES = 1000


class FiledAs(StrEnum):
    """What an item of a mission is for."""

    FEATURE = "feature"  # of the plan
    FOLLOW_UP = "follow-up"  # made by code, of an issue
    SCRUTINY = "scrutiny"
    TESTING = "testing"
    STEER = "steer"


class Filed(Format):
    """An item that was made for a mission."""

    kind: FiledAs
    milestone: Name
    blob: Text  # git's name of its file, as it was made
    answers: tuple[Text, ...] = ()  # the issues that it puts right, or that steer is asked about
    reviews: tuple[ItemId, ...] = ()  # the features that scrutiny looks at
    assertions: tuple[AssertionId, ...] = ()  # that a validator judges

    @property
    def builds(self) -> bool:
        """Whether it changes the product."""
        return self.kind in (FiledAs.FEATURE, FiledAs.FOLLOW_UP)


class Issue(Format):
    """What has to be answered before its milestone is over: what failed, what was found, what was left undone."""

    milestone: Name
    text: SaidText
    assertion: AssertionId | None = None  # that failed
    loose: bool = False  # whether a worker left it undone or came across it


FiledItems = Annotated[dict[ItemId, Filed], Field(max_length=MOST_FILED)]
Issues = Annotated[dict[Text, Issue], Field(max_length=MOST_ISSUES)]
Judged = dict[AssertionId, Judgement]


class Advance(NamedTuple):
    """What one line of the journal says of a mission."""

    filed: Mapping[str, Filed] = {}
    ended: Mapping[str, Outcome] = {}
    reviewed: tuple[str, ...] = ()
    judged: Mapping[str, Judgement] = {}
    issues: Mapping[str, Issue] = {}
    dismissed: Mapping[str, str] = {}


@dataclass(frozen=True)
class MissionRecord:
    """What was done for a mission so far. Not a word of its plan, which may have changed since."""

    under_way: bool = False  # whether its plan is merged, and it is not at its end; it may be paused
    filed: Mapping[str, Filed] = field(default_factory=dict)  # by item
    ended: Mapping[str, Outcome] = field(default_factory=dict)  # items that are at their end, and whose words are here
    reviewed: frozenset[str] = frozenset()  # features that somebody has looked at since
    judged: Mapping[str, Judgement] = field(default_factory=dict)  # the last one of each assertion
    failures: Mapping[str, int] = field(default_factory=dict)  # by assertion, since it passed or a person had a say
    issues: Mapping[str, Issue] = field(default_factory=dict)
    dismissed: Mapping[str, str] = field(default_factory=dict)  # issues about which nothing is done, and why
    unproven: Mapping[str, int] = field(default_factory=dict)  # by milestone: validations that found something
    said: Mapping[str, str] = field(default_factory=dict)  # what people decided, by question

    def steers(self, item_id: str) -> bool:
        """Whether an item was made to answer issues by a change of the plan: none that says so of itself is."""
        filed = self.filed.get(item_id)
        return filed is not None and filed.kind is FiledAs.STEER

    def open(self, *, under_way: bool = True) -> Self:
        """Once its plan is merged, or it has left the lanes in which a mission is carried out."""
        return replace(self, under_way=under_way)

    def resumed(self, answers: Mapping[str, str]) -> Self:
        """Once a person lets it go on: whatever was used up counts anew."""
        return replace(self, failures={}, unproven={}, said={**self.said, **answers})

    def advanced(self, by: Advance) -> Self:
        """With what one more line says."""
        failures = dict(self.failures)
        for key, judgement in by.judged.items():
            match judgement.state:
                case AssertionState.FAILED:
                    failures[key] = (failures.get(key) or 0) + 1
                case AssertionState.PASSED:
                    failures[key] = 0
                case _:
                    pass  # nobody could try it
        unproven = dict(self.unproven)
        for milestone in self._found_something(by):
            unproven[milestone] = (unproven.get(milestone) or 0) + 1
        return replace(
            self,
            filed={**self.filed, **by.filed},
            ended={**self.ended, **by.ended},
            reviewed=self.reviewed | {*by.reviewed},
            judged={**self.judged, **by.judged},
            failures=failures,
            issues={**self.issues, **by.issues},
            dismissed={**self.dismissed, **by.dismissed},
            unproven=unproven,
        )

    def _found_something(self, by: Advance) -> set[str]:
        """The milestones whose validators, of those that are at their end now, leave something to be done."""
        found: set[str] = set()
        for item_id in by.ended:
            filed = self.filed.get(item_id)
            if filed is None or filed.builds:
                continue
            judged = (each for each in by.judged.values() if each.item == item_id)
            open_ones = any(each.state is not AssertionState.PASSED for each in judged)
            if open_ones or any(key.startswith(f"{item_id}/") for key in by.issues):
                found.add(filed.milestone)
        return found
