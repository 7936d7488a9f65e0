"""A diagnosis: one thing that the doctor looked at."""

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How bad it is."""

    GOOD = "ok"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at."""

    about: str
    health: Health
    found: str
    advice: str = ""  # what to do; empty when there is nothing to do
    quoted: tuple[str, ...] = ()  # lines of others that tell more
