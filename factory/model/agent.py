"""A coding agent: what WORKFLOW.md says of it, and what it says of itself."""

import re
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, model_validator

from factory.model.base import Argv, Format, Label, Text
from factory.model.network import Network
from factory.model.section import Section

WITH_ARGV = ("command", "acp")  # kinds that do not know their own argv


class Agent(Section):
    """A coding agent that contracts may name. `run` is a template, of a kind that does not know its own argv."""

    kind: Text
    model: str | None = None
    url: Annotated[str, Field(pattern=r"^https?://[^\s\"']+$", max_length=500)] | None = None  # of its model
    run: Argv | None = None
    env: tuple[Text, ...] = ()
    secrets: tuple[Text, ...] | dict[Text, Text] = ()  # names; or what it is called there: its name here
    network: Network = False

    @model_validator(mode="after")
    def _command_has_argv(self) -> Self:
        if (self.kind in WITH_ARGV) != (self.run is not None):
            raise ValueError(f"'run' belongs to an agent of kind {' or '.join(WITH_ARGV)}, and to no other")
        return self

    @property
    def keys(self) -> Mapping[str, str]:
        """Its secrets: the name that the agent sees, and the variable of the factory's environment that has it."""
        return self.secrets if isinstance(self.secrets, dict) else {name: name for name in self.secrets}


# What may stand in an argv: it is never taken for an option, a path or anything but one word.
_SESSION = r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}"
Session = Annotated[str, Field(pattern=f"^({_SESSION})?$")]  # by which a conversation is taken up again; empty: none


def as_session(told: str | None) -> str:
    """What an agent calls its session, if it can be named to the agent again; else empty."""
    return told if told and re.fullmatch(_SESSION, told) else ""


class AgentIdentity(Format):
    """What an agent says of itself; None is what nobody said."""

    model: Label | None = None
    session: Label | None = None
    version: Label | None = None
