"""A notice: one thing that people are told of, in the words in which a command or a service gets it."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, JsonValue

from factory.model.base import Format, Label, Moment, Ordinal
from factory.model.lifecycle import Lane
from factory.model.moments import rfc3339
from factory.model.text import counted, cut, printable

DIGEST = "digest"  # in the place of an occasion: several notices at once
_LONGEST = 500  # characters of what is said
_SHOWN = 50  # notices whose words a digest repeats


class Occasion(StrEnum):
    """What people can be told of."""

    VERDICT = "verdict"  # an item waits for one
    BLOCKED = "blocked"  # an item needs a person
    BREAKER = "breaker"  # one has opened
    BUDGET = "budget"  # four fifths of one are used up
    MILESTONE = "milestone"  # a mission begins one, or is at its end
    STALLED = "stalled"  # a run gave no sign of life, and was ended


def _one_line(text: str) -> str:
    return cut(printable(" ".join(text.split())), _LONGEST)


Line = Annotated[str, AfterValidator(_one_line)]


class Notice(Format):
    """What has happened. Words of items, workers and agents are data in it: one printable line each, and cut."""

    event: Occasion
    key: Line  # what has happened, and when: the same of no two
    at: Moment
    text: Line
    repository: Label
    branch: Label
    item: Label = ""
    title: Label = ""
    contract: Label = ""
    labels: tuple[Label, ...] = ()
    mission: Label = ""
    lane: Lane | None = None
    run: Ordinal = 0
    round: Ordinal = 1

    def as_json(self) -> dict[str, JsonValue]:
        """The notice for programs."""
        return self.model_dump(mode="json", exclude={"key"})


def digest_of_notices(notices: Sequence[Notice], left_out: int) -> dict[str, JsonValue]:
    """Several notices as one, for programs; so many more were not kept."""
    lines = [f"{rfc3339(each.at)} {each.text}" for each in notices[:_SHOWN]]
    more = len(notices) - len(lines) + left_out
    lines += [f"and {more} more"] if more else []
    return {
        "event": DIGEST,
        "text": "\n".join([f"{counted(len(notices) + left_out, 'notice')}:", *lines]),
        "repository": notices[0].repository,
        "branch": notices[0].branch,
        "left_out": left_out,
        "events": [each.as_json() for each in notices],
    }
