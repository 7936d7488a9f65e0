"""Filing: the items that a mission is carried out by, as files in the inbox, and as its journal knows them."""

import json
from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from factory.model.base import digest
from factory.model.item import Validator
from factory.model.layout import plan_path
from factory.model.mission.assertions import Assertion
from factory.model.mission.plan import Feature, Milestone, Services
from factory.model.mission.record import Filed, FiledAs
from factory.model.mission.standing import feature_item
from factory.model.mission.steps import FollowUp, Validation
from factory.model.text import printable
from factory.store.missions import MissionFiles

CHECK = "check_"  # before the name of a check of services.yaml, where it stands among the criteria
_TITLE = 200  # characters
_VALIDATORS = {FiledAs.SCRUTINY: Validator.SCRUTINY, FiledAs.TESTING: Validator.TESTING}


class Filing:
    """Makes the files of one mission's items; `shared` are keys that all of them take over from the mission's own."""

    def __init__(self, mission: str, files: MissionFiles, shared: Mapping[str, JsonValue]) -> None:
        self._mission = mission
        self._files = files
        self._shared = shared
        self._known = {assertion.id: assertion for assertion in files.assertions}

    def item_of(self, feature: Feature) -> str:
        """The id of the item that a feature becomes."""
        return feature_item(self._mission, feature.id)

    def feature(self, milestone: Milestone, feature: Feature) -> tuple[bytes, Filed]:
        """A feature of the plan."""
        fields: dict[str, JsonValue] = {
            "title": feature.title,
            "contract": feature.contract,
            "description": feature.description,
            "depends_on": [feature_item(self._mission, each) for each in feature.depends_on],
            "scope": list(feature.scope),
            "budget": feature.budget.model_dump(mode="json", exclude_none=True),
            "acceptance": _criteria(self._known[key] for key in feature.fulfills if self._known[key].check),
            "fulfills": list(feature.fulfills),
        }
        data = self._file(milestone, fields)
        return data, Filed(kind=FiledAs.FEATURE, milestone=milestone.id, digest=digest(data), answers=feature.answers)

    def follow_up(self, milestone: Milestone, follow_up: FollowUp) -> tuple[bytes, Filed]:
        """Work on an issue that a validator found, or that a worker left."""
        issue = follow_up.issue
        assertion = self._known.get(issue.assertion or "")
        title = f"Put right {follow_up.issue_id}: {assertion.text if assertion else issue.text}"
        made_by = next((each for _, each in self._features() if issue.assertion in each.fulfills), None)
        fields: dict[str, JsonValue] = {
            "title": printable(" ".join(title.split()))[:_TITLE],
            "contract": made_by.contract if made_by else next((each.contract for _, each in self._features()), None),
            "description": f"{printable(issue.text)}\n\nFound as {follow_up.issue_id}.\n",
            "scope": list(made_by.scope) if made_by else [],
            "acceptance": _criteria([assertion] if assertion and assertion.check else ()),
            "fulfills": [assertion.id] if assertion else [],
        }
        data, answers = self._file(milestone, fields), (follow_up.issue_id,)
        return data, Filed(kind=FiledAs.FEATURE, milestone=milestone.id, digest=digest(data), answers=answers)

    def validator(self, milestone: Milestone, validation: Validation) -> tuple[bytes, Filed]:
        """Scrutiny, or a user's testing, of what a milestone has come to."""
        acceptance = _criteria(validation.assertions)
        if validation.kind is FiledAs.SCRUTINY:
            acceptance = [*_checks(self._files.services), *acceptance]
        fields: dict[str, JsonValue] = {
            "title": f"{validation.kind.capitalize()} of {milestone.id}: {milestone.title}"[:_TITLE],
            "contract": str(validation.kind),
            "acceptance": acceptance,
            "reviews": list(validation.reviews),
            "validates": str(_VALIDATORS[validation.kind]),
        }
        data = self._file(milestone, fields)
        return data, Filed(
            kind=validation.kind,
            milestone=milestone.id,
            digest=digest(data),
            reviews=validation.reviews,
            assertions=tuple(each.id for each in validation.assertions),
        )

    def _features(self) -> list[tuple[Milestone, Feature]]:
        return list(self._files.plan.features())

    def _file(self, milestone: Milestone, fields: Mapping[str, JsonValue]) -> bytes:
        whole = {**fields, **self._shared, "mission": self._mission, "milestone": milestone.id}
        lines = [f"# Of the mission {self._mission}; its plan is {plan_path(self._mission)}."]
        said = {key: value for key, value in whole.items() if value not in (None, "", [], {})}
        lines += [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in said.items()]
        return "".join(f"{line}\n" for line in lines).encode()


def _criteria(assertions: Iterable[Assertion]) -> list[JsonValue]:
    return [
        {"id": each.id, "text": each.text, **({"check": list(each.check)} if each.check else {})} for each in assertions
    ]


def _checks(services: Services) -> list[JsonValue]:
    return [
        {"id": f"{CHECK}{name}", "text": f"{name} passes on the target", "check": list(argv)}
        for name, argv in services.checks.items()
    ]
