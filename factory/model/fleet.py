"""The fleet file: repositories that share one pool of slots, and what each of them may have."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from factory.model.base import Count, Format, Name, Positive, Text

VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,199}$")]


def _a_path(text: str) -> str:
    if "\0" in text:
        raise ValueError("must be the path of a file or a folder")
    return text


Place = Annotated[Text, AfterValidator(_a_path)]


class SecretSource(Format):
    """Where a secret's value is read from: a variable of the fleet's environment, or a file."""

    env: VariableName | None = None
    file: Place | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("must name either the variable ('env') or the file ('file') that has the value")
        return self


class TenantBudget(Format):
    """The most that a repository's items together may cost in a day, whatever its own policy allows."""

    usd_per_day: Positive
    unknown: Literal["block", "allow"] = "block"  # what follows once an agent's run cost nobody knows what


class Tenant(Format):
    """One repository of a fleet."""

    path: Place
    name: Name | None = None  # else that of its folder
    weight: Annotated[float, Field(ge=0.01, le=1000)] = 1.0
    max_concurrent_agents: Count | None = None  # None: the whole pool
    budget: TenantBudget | None = None
    secrets: dict[VariableName, SecretSource] = {}


class Fleet(Format):
    """Repositories that are at work at once, and how many workers they have together."""

    max_concurrent_agents: Count = 10
    sandbox: Literal["required", "auto"] = "required"  # what a repository's own policy may exceed, and not undercut
    repositories: Annotated[tuple[Tenant, ...], Field(max_length=1000)] = ()
