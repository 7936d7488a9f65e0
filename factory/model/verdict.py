"""The verdict: what a seat decided about one subject."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from factory.model.base import Format, Ordinal, Said, Told, digest_of
from factory.model.result import CriterionAnswer

# The finding that says: not the work was wrong, but what it was judged by is another one now.
SUBJECT_CHANGED = "S1"


LOOSE_OPEN, LOOSE_ITEM = "open", "item"
SHORTEST_REASON = 20  # characters; less is no reason


class Decision(StrEnum):
    """What a seat may say."""

    PENDING = "pending"
    APPROVE = "approve"
    REWORK = "rework"
    REJECT = "reject"
    ESCALATE = "escalate"


def _as_written(word: object) -> object:
    """A word from a fixed list means the same however a person writes it: Approve is approve."""
    return word.strip().lower() if isinstance(word, str) and not isinstance(word, Decision) else word


class Finding(Format):
    """One thing that is wrong with a proposal."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")]
    severity: Literal["blocker", "major", "minor", "note"] = "major"
    path: Told = ""
    line: Annotated[Ordinal, Field(ge=1)] | None = None
    text: Annotated[Told, StringConstraints(min_length=1, strip_whitespace=True)]
    seat: str = ""  # who found it; like the rest below, said by the factory
    late: bool = False  # whether the seat could have found it in an earlier round

    @property
    def key(self) -> str:
        """Equal for one finding in every round, whatever a reviewer calls it or where it has moved to."""
        return finding_key(self.path, self.text)


def finding_key(path: str, text: str) -> str:
    """The key of a finding with this text about this path."""
    found = digest_of([path, " ".join(text.split()).casefold()]).removeprefix("sha256:")
    return f"K{found[:10]}"  # never a number, so that it can be written without quotes


class Verdict(Format):
    """`queue/review/<id>.<seat>.verdict.yaml`, edited by a person."""

    subject: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
    decision: Annotated[Decision, BeforeValidator(_as_written)] = Decision.PENDING
    reviewer: str | None = None
    notes: str | None = None
    findings: tuple[Finding, ...] = ()
    acceptance: dict[str, Annotated[CriterionAnswer, BeforeValidator(_as_written)]] = {}
    closes: tuple[str, ...] = ()  # findings of earlier rounds that are put right, by key
    handoff: dict[str, str] = {}  # for each loose end: open, item, or the reason why nothing is to be done

    def dismisses(self, loose_end: str) -> bool:
        """Whether it gives a reason why nothing is to be done about a loose end."""
        answer = self.handoff.get(loose_end, LOOSE_OPEN)
        return answer not in (LOOSE_OPEN, LOOSE_ITEM) and len(answer.strip()) >= SHORTEST_REASON


class MachineVerdict(Verdict):
    """What a reviewing process writes to `$FACTORY_OUT/verdict.yaml`, and what is kept of it with the run."""

    patch: Annotated[str, StringConstraints(pattern=r"^(sha256:[0-9a-f]{64})?$")] = ""  # the digest of what it read
    lost: Said = ""  # why it does not count; written by the factory
