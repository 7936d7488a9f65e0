"""The formats of the files that people and workers write, and their JSON Schemas."""

from pydantic import BaseModel, JsonValue

from factory.model.contract import Contract
from factory.model.item import Item
from factory.model.policy import Policy
from factory.model.result import Result
from factory.model.verdict import Verdict

FORMATS: dict[str, type[BaseModel]] = {
    "item": Item,
    "contract": Contract,
    "workflow": Policy,
    "verdict": Verdict,
    "result": Result,
}


def schema_of(name: str) -> dict[str, JsonValue]:
    """The JSON Schema (2020-12) of a format."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **FORMATS[name].model_json_schema()}
