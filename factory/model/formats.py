"""The formats of the files that people and workers write, and of what others read, and their JSON Schemas."""

from pydantic import BaseModel, JsonValue

from factory.model.archive import ArchivedItem
from factory.model.contract import Contract
from factory.model.fleet import Fleet
from factory.model.hover import HELP
from factory.model.item import Item
from factory.model.mission.assertions import Assertions
from factory.model.mission.plan import Plan, Services
from factory.model.policy import Policy
from factory.model.questions import Answers
from factory.model.result import Result
from factory.model.verdict import Verdict

FORMATS: dict[str, type[BaseModel]] = {
    "item": Item,
    "contract": Contract,
    "workflow": Policy,
    "verdict": Verdict,
    "result": Result,
    "answers": Answers,
    "assertions": Assertions,
    "plan": Plan,
    "services": Services,
    "fleet": Fleet,
    "archive": ArchivedItem,
}


def schema_of(name: str) -> dict[str, JsonValue]:
    """The JSON Schema (2020-12) of a format, with what an editor shows beside each key."""
    model = FORMATS[name]
    schema = model.model_json_schema()
    for kind, part in [(model.__name__, schema), *schema.get("$defs", {}).items()]:
        for key, value in part.get("properties", {}).items():
            value.setdefault("description", HELP.get(kind, {}).get(key, ""))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
