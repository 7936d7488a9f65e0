"""Mistakes: what is said of a key or a value that does not fit its format."""

import difflib
import json
from functools import cache

from pydantic import BaseModel
from pydantic_core import ErrorDetails


def sentence(model: type[BaseModel], found: ErrorDetails) -> str:
    """What is wrong with one value, beginning with its key."""
    where = ".".join(str(part) for part in found["loc"] if part != "constrained-str" and "[" not in str(part))
    match found["type"]:
        case "missing":
            return f"the key {where!r} is missing"
        case "extra_forbidden":
            return f"unknown key {where!r}{meant(model, str(found['loc'][-1]))}"
    message = found["msg"].removeprefix("Value error, ").replace("Input should", "should")
    match found["type"]:
        case "bool_type" | "bool_parsing":
            message += ": true or false"
        case "int_type" | "int_parsing" if len(found["loc"]) == 1:
            message += _bounds(model).get(str(found["loc"][0]), "")
    given = json.dumps(found["input"], ensure_ascii=False, default=str)
    shown = given if len(given) <= 60 else given[:60] + "…"
    return f"{where}: {message}; found {shown}" if where else f"{message}; found {shown}"


def meant(model: type[BaseModel], given: str) -> str:
    """What a key that a format does not know was most likely meant to be, as the end of a sentence; or nothing."""
    known = [key for key in _known_keys(model) if key != given]  # it may be one elsewhere in the file
    close = difflib.get_close_matches(given, known, 1)
    return f"; did you mean {close[0]!r}?" if close else ""


@cache
def _bounds(model: type[BaseModel]) -> dict[str, str]:
    """Between which numbers the value of an uppermost key has to be, as the end of a sentence, where both are known."""
    keys = model.model_json_schema().get("properties", {})
    forms = [(key, form) for key, said in keys.items() for form in (said, *said.get("anyOf", ()))]
    whole = [(key, form) for key, form in forms if form.get("type") == "integer"]
    known = [(key, form) for key, form in whole if "minimum" in form and "maximum" in form]
    return {key: f" from {form['minimum']} to {form['maximum']}" for key, form in known}


@cache
def _known_keys(model: type[BaseModel]) -> tuple[str, ...]:
    schema = model.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return tuple(sorted({key for part in parts for key in part.get("properties", {})}))
