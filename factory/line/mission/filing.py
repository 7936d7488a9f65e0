"""Filing: the items that a mission is carried out by, as files in the inbox, and as its journal knows them."""

import json
from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from factory.model.item import Validator
from factory.model.layout import plan_path
from factory.model.mission.assertions import CHECK, Assertion
from factory.model.mission.plan import Feature, Milestone, Services
from factory.model.mission.record import Filed, FiledAs, Issue
from factory.model.mission.standing import feature_item
from factory.model.mission.steps import FollowUp, Validation
from factory.model.text import printable
from factory.store.missions import MissionFiles
from factory.store.repository.objects import name_of

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
            "acceptance": _criteria(each for each in self._fulfilled(feature) if each.check),
            "fulfills": list(feature.fulfills),
        }
        data = self._file(milestone, fields)
        return data, Filed(
            kind=FiledAs.FEATURE, milestone=milestone.id, blob=name_of("blob", data), answers=feature.answers
        )

    def _fulfilled(self, feature: Feature) -> list[Assertion]:
        return [self._known[key] for key in feature.fulfills if key in self._known]

    def follow_up(self, milestone: Milestone, follow_up: FollowUp) -> tuple[bytes, Filed]:
        """Work on an issue that a validator found, or that a worker left."""
        assertion, fields = self._put_right(follow_up)
        fields["fulfills"] = [assertion.id] if assertion else []
        data, answers = self._file(milestone, fields), (follow_up.issue_id,)
        return data, Filed(kind=FiledAs.FOLLOW_UP, milestone=milestone.id, blob=name_of("blob", data), answers=answers)

    def _put_right(self, follow_up: FollowUp) -> tuple[Assertion | None, dict[str, JsonValue]]:
        """The assertion that an issue is about, and what the item says that is to put it right."""
        issue = follow_up.issue
        assertion = self._known.get(issue.assertion or "")
        title = f"Put right {follow_up.issue_id}: {assertion.text if assertion else issue.text}"
        made_by = self._maker(follow_up)
        fields: dict[str, JsonValue] = {
            "title": printable(" ".join(title.split()))[:_TITLE],
            "contract": made_by.contract if made_by else next((each.contract for _, each in self._features()), None),
            "description": f"{printable(issue.text)}\n\nFound as {follow_up.issue_id}.\n",
            "scope": list(made_by.scope) if made_by else [],
            "acceptance": _criteria([assertion] if assertion and assertion.check else ()),
        }
        return assertion, fields

    def _maker(self, follow_up: FollowUp) -> Feature | None:
        """The feature that an issue is about: of its assertion, its seat, or the worker who left it."""
        item_id, _, rest = follow_up.issue_id.partition("/")
        named, assertion = rest.partition(".")[0], follow_up.issue.assertion
        return next(
            (
                each
                for _, each in self._files.plan.features()
                if assertion in each.fulfills or named == each.id or item_id == self.item_of(each)
            ),
            None,
        )

    def steer(self, milestone: Milestone, issues: Mapping[str, Issue]) -> tuple[bytes, Filed]:
        """The question to steer: what becomes of these issues?"""
        told = "".join(f"- {key}: {printable(' '.join(issue.text.split()))}\n" for key, issue in issues.items())
        fields: dict[str, JsonValue] = {
            "title": f"Answer what came up in {milestone.id}: {milestone.title}"[:_TITLE],
            "contract": str(FiledAs.STEER),
            "description": told,
            "steers": True,
        }
        data = self._file(milestone, fields)
        return data, Filed(
            kind=FiledAs.STEER, milestone=milestone.id, blob=name_of("blob", data), answers=tuple(issues)
        )

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
            blob=name_of("blob", data),
            reviews=validation.reviews,
            assertions=tuple(each.id for each in validation.assertions),
        )

    def look(self, milestone: Milestone, validation: Validation) -> bytes:
        """Another look, after the mission's end, at assertions that are guarded."""
        fields: dict[str, JsonValue] = {
            "title": f"Look again at {', '.join(each.id for each in validation.assertions)}"[:_TITLE],
            "contract": str(validation.kind),
            "acceptance": _criteria(validation.assertions),
            "validates": str(_VALIDATORS[validation.kind]),
        }
        return self._file(milestone, fields)

    def repair(self, follow_up: FollowUp) -> bytes:
        """Work on a guarded assertion that is broken: an item of its own, since the mission is over."""
        _, fields = self._put_right(follow_up)
        return _lines({**fields, "discovered_from": self._mission})

    def _features(self) -> list[tuple[Milestone, Feature]]:
        return list(self._files.plan.features())

    def _file(self, milestone: Milestone, fields: Mapping[str, JsonValue]) -> bytes:
        whole = {**fields, **self._shared, "mission": self._mission, "milestone": milestone.id}
        return f"# Of the mission {self._mission}; its plan is {plan_path(self._mission)}.\n".encode() + _lines(whole)


def _lines(fields: Mapping[str, JsonValue]) -> bytes:
    said = {key: value for key, value in fields.items() if value not in (None, "", [], {})}
    return "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in said.items()).encode()


def _criteria(assertions: Iterable[Assertion]) -> list[JsonValue]:
    return [
        {"id": each.id, "text": each.text, **({"check": list(each.check)} if each.check else {})} for each in assertions
    ]


def _checks(services: Services) -> list[JsonValue]:
    return [
        {"id": f"{CHECK}{name}", "text": f"{name} passes on the target", "check": list(argv)}
        for name, argv in services.checks.items()
    ]
