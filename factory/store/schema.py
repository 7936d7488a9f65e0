"""The one door to JSON Schema: whether a value fits what a contract describes."""

from collections.abc import Mapping

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from pydantic import JsonValue
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY


def misfit(value: JsonValue, schema: Mapping[str, JsonValue]) -> str:
    """Why a value does not fit a schema (2020-12), with the path to it; empty when it fits."""
    path, message = misplaced(value, schema)
    where = ".".join(map(str, path))
    return f"{where}: {message}" if where else message


def misplaced(value: JsonValue, schema: Mapping[str, JsonValue]) -> tuple[tuple[str | int, ...], str]:
    """The same as the path to what does not fit, and why; with no words when all fits."""
    problem = schema_problem(schema)
    if problem:
        return (), problem
    try:
        error = best_match(_validator(schema).iter_errors(value))
    except Unresolvable as missing:
        return (), f"is not a JSON Schema that can be used: it refers to {missing.ref!r}, which is not in it"
    except RecursionError:
        return (), "is not a JSON Schema that can be used: it refers to itself without end"
    return (tuple(error.absolute_path), str(error.message)) if error else ((), "")


def schema_problem(schema: Mapping[str, JsonValue]) -> str:
    """Why this is no JSON Schema; empty when it is one."""
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        where = ".".join(str(part) for part in error.absolute_path)
        return f"is not a JSON Schema: {where}: {error.message}" if where else f"is not a JSON Schema: {error.message}"
    except RecursionError:
        return "is not a JSON Schema: it is nested too deeply"
    return ""


def _validator(schema: Mapping[str, JsonValue]) -> Draft202012Validator:
    # With a registry that holds nothing, no reference in a schema makes anybody fetch anything.
    return Draft202012Validator(dict(schema), registry=EMPTY_REGISTRY)
