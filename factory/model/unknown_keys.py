"""Unknown keys of the policy: a spelling mistake is never silent."""

from typing import get_args

from pydantic import BaseModel, JsonValue

from factory.model.policy import Policy
from factory.model.section import Section


def unknown_keys(data: JsonValue, model: type[BaseModel] = Policy) -> list[tuple[str | int, ...]]:
    """The paths of keys that the policy does not know."""
    found: list[tuple[str | int, ...]] = []
    for key, value in data.items() if isinstance(data, dict) else ():
        field = model.model_fields.get(key)
        found += [(key, *rest) for rest in _unknown_below(value, field.annotation)] if field else [(key,)]
    return found


def _unknown_below(value: JsonValue, kind: object) -> list[tuple[str | int, ...]]:
    """Unknown keys below one key, whose sections may stand in a list or under names."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return unknown_keys(value, kind)
    section = next((each for each in get_args(kind) if isinstance(each, type) and issubclass(each, Section)), None)
    if section is None:
        return []
    if isinstance(value, dict):
        return [(name, *rest) for name, each in value.items() for rest in unknown_keys(each, section)]
    parts = enumerate(value) if isinstance(value, list) else ()
    return [(number, *rest) for number, each in parts for rest in unknown_keys(each, section)]
