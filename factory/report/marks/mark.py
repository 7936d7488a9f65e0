"""The mark: that an item only pretends to move, why, and what a person could do about it."""

from dataclasses import dataclass
from enum import StrEnum


class MarkKind(StrEnum):
    """In which way an item only pretends to move: a closed list, so that programs can tell them apart."""

    BOUNCES = "bounces"  # sent back again and again with the same finding
    RELEASED = "released-again"  # run after run has ended without a new proposal
    CHANGES_NOTHING = "changes-nothing"  # its worker prints, and has changed no file
    CIRCLE = "circle"  # it, or what it waits for, depends on itself
    HELD = "dependency-held"
    ENDED = "dependency-ended"  # rejected or cancelled
    MISSING = "dependency-missing"
    BLOCKED = "dependency-blocked"
    INVALID = "dependency-invalid"  # its file, or its contract, cannot be used
    BREAKER = "breaker-open"
    REVIEWER = "reviewer-silent"
    MISSION = "mission-blocked"  # an item of the mission waits for a person


@dataclass(frozen=True)
class Mark:
    """One mark of one item."""

    kind: MarkKind
    reason: str  # one plain sentence, without its full stop
    do: str  # a command
    local: bool = False  # whether it is seen on this machine alone: no commit says it

    def in_words(self) -> str:
        """The mark as people read it, in one line."""
        here = " (seen on this machine)" if self.local else ""
        return f"{self.reason}{here}; {self.do}"

    def as_json(self) -> dict[str, object]:
        """The mark for programs."""
        return {"kind": str(self.kind), "reason": self.reason, "do": self.do, "local": self.local}


def edit(path: str) -> str:
    """The command by which a person edits a file; of paths of ids alone, in which a shell sees nothing."""
    return f"${{EDITOR:-vi}} {path}"
