"""What a fleet and its members tell each other, in lines of JSON."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from factory.model.bounds import Bounds


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    def line(self) -> bytes:
        """As it is sent."""
        return self.model_dump_json().encode() + b"\n"


class Membership(_Message):
    """The first thing that a member is told: which repository it is, and what it may have."""

    folder: Path
    secrets: dict[str, str]  # by the variables that it has them in
    bounds: Bounds


class Order(_Message):
    """What a member is told later; without anything in it, it is asked how it is."""

    slots: int = 0  # so many more
    bounds: Bounds | None = None  # instead of those that it had


class Report(_Message):
    """What a member tells after each pass, and when it is asked."""

    running: int = 0  # runs that hold a slot; the other slots that it was given until then are given back with this
    waiting: int = 0  # runs that would begin if there were more
    given: int = 0  # slots that it has been given up to now, since it began
    failed: str = ""  # why it ends, if that is no wish of the fleet's
