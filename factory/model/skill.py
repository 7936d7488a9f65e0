"""A skill: a folder of instructions, with a SKILL.md, that a contract lets its worker have."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from factory.model.base import Name, Text

SKILL = "SKILL.md"


class SkillHead(BaseModel):
    """The front matter of a SKILL.md, as far as all agents need it; other keys are the agents' own."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)

    name: Name
    description: Text


@dataclass(frozen=True)
class SkillFile:
    """A file of a skill, by its path below the skill's folder."""

    __pydantic_config__ = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    path: str
    data: bytes
    executable: bool = False


@dataclass(frozen=True)
class Skill:
    """What a worker gets of one."""

    name: str
    description: str
    files: tuple[SkillFile, ...]
