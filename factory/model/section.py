"""A part of WORKFLOW.md's front matter, and what its values are made of; as in the Symphony specification."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

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


class Section(BaseModel):
    """A part of the policy. A key that is null is absent; unknown ones are told by `factory check`, and ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, given: object) -> object:
        return {key: value for key, value in given.items() if value is not None} if isinstance(given, dict) else given
