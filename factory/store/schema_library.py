"""What the library of JSON Schema says of a schema and a value; loaded when it is first asked, for it takes long."""

import re
from collections.abc import Mapping

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from pydantic import JsonValue
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY

_UNUSABLE = "is not a JSON Schema that can be used"


def misplaced(value: JsonValue, schema: Mapping[str, JsonValue]) -> tuple[tuple[str | int, ...], str]:
    """(the path to what does not fit, why); with no words when all fits."""
    problem = problem_of(schema)
    if problem:
        return (), problem
    try:
        error = best_match(_validator(schema).iter_errors(value))
    except Unresolvable as missing:
        return (), f"{_UNUSABLE}: it refers to {missing.ref!r}, which is not in it"
    except RecursionError:
        return (), f"{_UNUSABLE}: it refers to itself without end"
    except (re.error, ArithmeticError) as unfit:  # a pattern that only a reference leads to, or a number beyond floats
        return (), f"{_UNUSABLE}: {unfit}"
    return (tuple(error.absolute_path), str(error.message)) if error else ((), "")


def problem_of(schema: Mapping[str, JsonValue]) -> str:
    """Why this is no JSON Schema; empty when it is one."""
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        where = ".".join(str(part) for part in error.absolute_path)
        return f"is not a JSON Schema: {where}: {error.message}" if where else f"is not a JSON Schema: {error.message}"
    except RecursionError:
        return "is not a JSON Schema: it is nested too deeply"
    except OverflowError as error:  # of a pattern
        return f"is not a JSON Schema: {error}"
    return ""


def _validator(schema: Mapping[str, JsonValue]) -> Draft202012Validator:
    # With a registry that holds nothing, no reference in a schema makes anybody fetch anything.
    return Draft202012Validator(dict(schema), registry=EMPTY_REGISTRY)
