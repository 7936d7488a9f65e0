"""The one door to JSON Schema: whether a value fits what a contract describes."""

from collections.abc import Mapping

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from pydantic import JsonValue


def misfit(value: JsonValue, schema: Mapping[str, JsonValue]) -> str:
    """Why a value does not fit a schema (2020-12), with the path to it; empty when it fits."""
    problem = schema_problem(schema)
    if problem:
        return problem
    error = best_match(Draft202012Validator(dict(schema)).iter_errors(value))
    if error is None:
        return ""
    where = ".".join(str(part) for part in error.absolute_path)
    return f"{where}: {error.message}" if where else str(error.message)


def schema_problem(schema: Mapping[str, JsonValue]) -> str:
    """Why this is no JSON Schema; empty when it is one."""
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        where = ".".join(str(part) for part in error.absolute_path)
        return f"is not a JSON Schema: {where}: {error.message}" if where else f"is not a JSON Schema: {error.message}"
    return ""
