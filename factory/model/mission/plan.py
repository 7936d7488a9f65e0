"""The plan of a mission: `plan.yaml`, milestones of features."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from factory.model.base import Argv, Count, Format, Name, RelativePath, Text
from factory.model.item import Budget, Scope
from factory.model.mission.assertions import AssertionId
from factory.model.roles import Role
from factory.model.text import said

SCRUTINY, TESTING, STEER = "scrutiny", "testing", "steer"  # also the contracts of these items
# The names of items that code files, which no feature or milestone has.
RESERVED = frozenset({SCRUTINY, TESTING, STEER, "guard", "guard-testing"})
MOST_SERVICES = 20
LOOPBACK = "127.0.0.1"  # where they listen
MOST_MILESTONES, MOST_FEATURES = 100, 500  # of a mission; of a milestone


class Feature(Format):
    """A piece of work: it becomes the item `<mission>.<id>` when its milestone's turn comes."""

    id: Name
    title: Text
    description: str = ""
    fulfills: tuple[AssertionId, ...] = ()  # the assertions that hold once it is done
    infrastructure: bool = False  # whether it fulfils none, and others need it
    scope: Scope = ()  # the paths that it changes; where these cannot overlap several are written at once
    contract: Name | None = None  # else the routes of WORKFLOW.md decide
    skills: tuple[Name, ...] = ()
    depends_on: tuple[Name, ...] = ()  # other features
    budget: Budget = Budget()
    answers: tuple[Text, ...] = ()  # the issues that it puts right, by their ids


class Dismissal(Format):
    """An issue that nothing is done about."""

    issue: Text
    reason: Annotated[str, StringConstraints(min_length=20, strip_whitespace=True), AfterValidator(said)]


class Milestone(Format):
    """Features that are validated together."""

    id: Name
    title: Text
    max_rounds: Count = 3  # of validation; then a person decides
    features: Annotated[tuple[Feature, ...], Field(min_length=1, max_length=MOST_FEATURES)]
    dismissed: tuple[Dismissal, ...] = ()


class Plan(Format):
    """`contracts/missions/<id>/plan.yaml`."""

    goal: Text
    constraints: tuple[Text, ...] = ()  # told to every worker
    notes: tuple[Text, ...] = ()  # what was learned on the way, and is told to every worker
    budget: Budget = Budget()  # of all its items together
    writers: Count = 1  # features that are worked on at once
    roles: dict[Role, Name] = {}  # agents that come before those of WORKFLOW.md
    milestones: Annotated[tuple[Milestone, ...], Field(min_length=1, max_length=MOST_MILESTONES)]

    def features(self) -> Iterator[tuple[Milestone, Feature]]:
        """Every feature with its milestone, in the plan's order."""
        return ((milestone, feature) for milestone in self.milestones for feature in milestone.features)


class Ready(Format):
    """How it is known that a service can be used: exactly one of these."""

    http: Annotated[str, Field(pattern=r"^/")] | None = None  # a path that answers with a status below 400
    tcp: bool = False  # its port can be connected to
    run: Argv | None = None  # a command that ends with 0


class Service(Format):
    """A program of the product that testers use, as it runs."""

    run: Argv  # each a template of `port`
    ready: Ready
    seconds: Annotated[float, Field(gt=0, le=600)] = 30  # until it must be ready
    env: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], str] = {}
    folder: RelativePath | None = None  # in which it is started; else the top of the repository


class Services(Format):
    """`contracts/missions/<id>/services.yaml`: what scrutiny runs, and what user testing needs."""

    checks: dict[Name, Argv] = {}
    services: Annotated[dict[Name, Service], Field(max_length=MOST_SERVICES)] = {}  # started in this order
