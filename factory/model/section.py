"""A part of WORKFLOW.md's front matter, and what its values are made of; as in the Symphony specification."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from factory.model.base import Text

LONGEST_MS = 7 * 24 * 3_600_000
Milliseconds = Annotated[int, Field(gt=0, le=LONGEST_MS)]
Integer = Annotated[int, Field(ge=-(2**63), lt=2**63)]  # of Symphony's keys that may be anything, also negative


def integer(value: object) -> object:
    """Symphony allows an integer to be written as a string."""
    return int(value) if isinstance(value, str) and value.strip().isdigit() else value


def _listed(value: object) -> object:
    """Symphony allows a list to be written as a comma-separated string."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Labels = Annotated[tuple[str, ...], BeforeValidator(_listed)]  # a blank one is one that nobody has
Listed = Annotated[tuple[Text, ...], BeforeValidator(_listed)]


_VERBATIM = frozenset({"provider", "approval_policy", "turn_sandbox_policy"})  # for others to read


def without_nulls(data: JsonValue) -> JsonValue:
    """The front matter without the keys that are null, which are as absent."""
    if isinstance(data, list):
        return [without_nulls(each) for each in data]
    if not isinstance(data, dict):
        return data
    there = {key: value for key, value in data.items() if value is not None}
    return {key: value if key in _VERBATIM else without_nulls(value) for key, value in there.items()}


class Section(BaseModel):
    """A part of the policy. Unknown keys are reported by `factory check`, and otherwise ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, allow_inf_nan=False)
