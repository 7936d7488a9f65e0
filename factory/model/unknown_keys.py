"""Unknown keys of the policy: a spelling mistake is never silent."""

from typing import get_args, get_origin

from pydantic import BaseModel, JsonValue

from factory.model.policy import Policy


def unknown_keys(data: JsonValue, model: type[BaseModel] = Policy) -> list[tuple[str | int, ...]]:
    """The paths of keys that the policy does not know."""
    found: list[tuple[str | int, ...]] = []
    for key, value in data.items() if isinstance(data, dict) else ():
        field = model.model_fields.get(key)
        found += [(key, *rest) for rest in _unknown_below(value, field.annotation)] if field else [(key,)]
    return found


def _unknown_below(value: JsonValue, kind: object) -> list[tuple[str | int, ...]]:
    """Unknown keys below one key, whose sections may stand in a list or under names, or beside plain values."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return unknown_keys(value, kind)
    parts = get_args(kind)
    if get_origin(kind) is dict:
        below = value.items() if isinstance(value, dict) else ()
        return [(name, *rest) for name, each in below for rest in _unknown_below(each, parts[1])]
    if get_origin(kind) is tuple:
        listed = enumerate(value) if isinstance(value, list) else ()
        return [(number, *rest) for number, each in listed for rest in _unknown_below(each, parts[0])]
    return [path for part in parts for path in _unknown_below(value, part)]
