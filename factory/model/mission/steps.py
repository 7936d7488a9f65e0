"""What may follow for a mission: one type for each step."""

from collections.abc import Mapping
from dataclasses import dataclass

from factory.model.mission.assertions import Assertion
from factory.model.mission.plan import Feature, Milestone
from factory.model.mission.record import FiledAs, Issue
from factory.model.questions import Question


@dataclass(frozen=True)
class Validation:
    """A validator to be filed: what it looks at."""

    item_id: str
    kind: FiledAs
    assertions: tuple[Assertion, ...]
    reviews: tuple[str, ...] = ()  # items of features


@dataclass(frozen=True)
class FileFeatures:
    """The turn of a milestone has come, or its plan has got more."""

    milestone: Milestone
    features: tuple[Feature, ...]


@dataclass(frozen=True)
class FileValidators:
    """All features of a milestone are done: what have they come to?"""

    milestone: Milestone
    validations: tuple[Validation, ...]


@dataclass(frozen=True)
class FollowUp:
    """A follow-up to be filed: the issue that it answers."""

    item_id: str
    issue_id: str
    issue: Issue


@dataclass(frozen=True)
class AnswerIssues:
    """Issues that a person or the plan dismisses, and follow-ups for others."""

    milestone: Milestone
    dismissed: Mapping[str, str]
    follow_ups: tuple[FollowUp, ...]


@dataclass(frozen=True)
class Steer:
    """Issues are put before the role that answers them by a change of the plan."""

    milestone: Milestone
    item_id: str
    issues: Mapping[str, Issue]


@dataclass(frozen=True)
class Ask:
    """A person has to decide."""

    reason: str
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Close:
    """Everything is proven."""


@dataclass(frozen=True)
class Wait:
    """Others are at work."""

    reason: str


Step = FileFeatures | FileValidators | AnswerIssues | Steer | Ask | Close | Wait
