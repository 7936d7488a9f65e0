"""Whether a value fits what a contract describes, by JSON Schema. Also the program that finds it out."""

import importlib
import json
from collections.abc import Mapping
from types import ModuleType

from pydantic import JsonValue

from factory.store.helper import Helper, serve

_SECONDS = 2.0  # of a processor
_MEMORY = 1 << 30  # bytes
_QUICK_PRODUCT = 10_000_000  # of the lengths of schema and value: well below a second
_NAMES = frozenset({"type", "required"})
_PLAIN = frozenset(
    {"enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"}
    | {"minItems", "maxItems", "minProperties", "maxProperties", "title", "description", "default", "examples"}
)
_UNUSABLE = "is not a JSON Schema that can be used"
_HELPER = Helper("factory.store.schema", _SECONDS)


def misfit(value: JsonValue, schema: Mapping[str, JsonValue]) -> str:
    """Why a value does not fit a schema (2020-12), with the path to it; empty when it fits. Raises MachineError."""
    path, message = misplaced(value, schema)
    where = ".".join(map(str, path))
    return f"{where}: {message}" if where else message


def misplaced(value: JsonValue, schema: Mapping[str, JsonValue]) -> tuple[tuple[str | int, ...], str]:
    """(the path to what does not fit, why); with no words when all fits. Raises MachineError."""
    if not schema:
        return (), ""
    if _is_quick(schema) and len(json.dumps(schema)) * len(json.dumps(value)) <= _QUICK_PRODUCT:
        found: tuple[tuple[str | int, ...], str] = _library().misplaced(value, schema)
        return found
    match _HELPER.ask([dict(schema), value]):
        case [list(path), str(message)]:
            return tuple(part for part in path if isinstance(part, (str, int))), message
    return (), f"to match it takes more than {_SECONDS:g} s; the contract's pattern takes too long on it"


def schema_problem(schema: Mapping[str, JsonValue]) -> str:
    """Why this is no JSON Schema; empty when it is one. Raises MachineError."""
    if _is_quick(schema):
        return str(_library().problem_of(schema))
    answer = _HELPER.ask([dict(schema)])
    return f"{_UNUSABLE}: to read it takes more than {_SECONDS:g} s" if answer is None else str(answer)


def _is_quick(schema: JsonValue | Mapping[str, JsonValue]) -> bool:
    """Whether nothing in a schema takes longer than it takes to read it and the value.

    What has patterns, references, alternatives, or compares parts of a value, can be made to take for ever.
    """
    if isinstance(schema, bool):
        return True
    return isinstance(schema, Mapping) and all(_is_quick_part(key, part) for key, part in schema.items())


def _is_quick_part(key: str, part: JsonValue) -> bool:
    if key in _NAMES:
        return isinstance(part, str) or (isinstance(part, list) and all(isinstance(name, str) for name in part))
    if key == "properties":
        return isinstance(part, dict) and all(map(_is_quick, part.values()))
    return key in _PLAIN or (key in ("items", "additionalProperties") and _is_quick(part))


def _library() -> ModuleType:
    return importlib.import_module("factory.store.schema_library")


def _answer(question: JsonValue) -> JsonValue:
    """What is wrong with a schema, or with a value beside it."""
    match question:
        case [dict(schema), value]:
            path, message = _library().misplaced(value, schema)
            return [list(path), message]
        case [dict(schema)]:
            return str(_library().problem_of(schema))
    raise ValueError("neither a schema nor a schema and a value")


if __name__ == "__main__":
    _library()  # before any question's time begins
    serve(_answer, _MEMORY)
