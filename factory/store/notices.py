"""Notices: what people have yet to be told, what they were, and what failed; kept over processes, in one local file.

Only the holder of the factory's lock writes it.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from factory.model.base import Format, Moment, Ordinal
from factory.model.errors import TooLarge
from factory.model.notice import Notice
from factory.store import files
from factory.store.state import NOTICES

MOST_WAITING, MOST_TOLD, MOST_FAILED = 200, 2000, 20
_MOST_BYTES = 4_000_000
_LONGEST_UNSURE = timedelta(days=1)  # that a remote's answer is waited for


class Waiting(Format):
    """A notice that one target has yet to be told."""

    target: str
    notice: Notice
    commit: str = ""  # with which it happens; empty once that is on the branch
    begun: bool = False  # whether somebody has begun to tell it

    @property
    def key(self) -> str:
        """What and to whom."""
        return f"{self.target} {self.notice.key}"


class Failure(Format):
    """That the last attempt to tell a target failed."""

    target: str
    to: str  # in words
    at: Moment
    count: Annotated[Ordinal, Field(ge=1)] = 1  # in a row
    reason: str


class Outbox(Format):
    """All of it."""

    waiting: tuple[Waiting, ...] = ()
    told: tuple[str, ...] = ()  # keys, the newest last; of what was attempted, too
    failures: tuple[Failure, ...] = ()
    left_out: dict[str, Ordinal] = {}  # by target: how many were not kept

    def intend(self, new: Iterable[Waiting]) -> "Outbox":
        """With what is about to happen; what is known already stays as it is."""
        coming = {each.key: each for each in new if each.key not in self.told}
        known = {each.key: each for each in self.waiting}
        again = {key: each for key, each in coming.items() if key not in known or known[key].commit}
        waiting = [*(each for each in self.waiting if each.key not in again), *again.values()]
        return self._bounded(waiting)

    def _bounded(self, waiting: list[Waiting]) -> "Outbox":
        """With the newest of these, and how many that leaves out."""
        free = [each for each in waiting if not each.begun]
        over = free[: max(0, len(waiting) - MOST_WAITING)]
        left_out = dict(self.left_out)
        for each in over:
            left_out[each.target] = (left_out.get(each.target) or 0) + 1
        return self._with(waiting=tuple(each for each in waiting if each not in over), left_out=left_out)

    def happened(self, is_there: Callable[[str], bool], now: datetime) -> "Outbox":
        """With what is on the branch by now to be told; what did not come there in a day never will."""
        there = {commit for commit in {each.commit for each in self.waiting} if commit and is_there(commit)}
        waiting = (each.model_copy(update={"commit": ""}) if each.commit in there else each for each in self.waiting)
        kept = tuple(each for each in waiting if not each.commit or now - each.notice.at < _LONGEST_UNSURE)
        return self._with(waiting=kept)

    def begin(self, keys: Collection[str]) -> "Outbox":
        """With a note that these are being told: whatever happens from here on, nobody tells them again."""
        begun = (each.model_copy(update={"begun": True}) if each.key in keys else each for each in self.waiting)
        return self._with(waiting=tuple(begun))

    def let_be(self, keys: Collection[str]) -> "Outbox":
        """With these as they were before anybody began to tell them."""
        free = (each.model_copy(update={"begun": False}) if each.key in keys else each for each in self.waiting)
        return self._with(waiting=tuple(free))

    def end(self, target: str, keys: Collection[str], failure: Failure | None) -> "Outbox":
        """With these told to a target, or attempted in vain."""
        before = next((each for each in self.failures if each.target == target), None)
        failures = [each for each in self.failures if each.target != target]
        if failure is not None:
            failures.append(failure.model_copy(update={"count": before.count + 1 if before else 1}))
        return self._with(
            waiting=tuple(each for each in self.waiting if each.key not in keys),
            told=(*self.told, *keys)[-MOST_TOLD:],
            failures=tuple(failures[-MOST_FAILED:]),
            left_out={name: count for name, count in self.left_out.items() if name != target},
        )

    def only(self, targets: Collection[str]) -> "Outbox":
        """Without what was for those whom the policy names no more."""
        return self._with(
            waiting=tuple(each for each in self.waiting if each.target in targets or each.commit),
            failures=tuple(each for each in self.failures if each.target in targets),
            left_out={name: count for name, count in self.left_out.items() if name in targets},
        )

    def _with(self, **parts: object) -> "Outbox":
        return self.model_copy(update=parts)


def read_notices(state: Path) -> Outbox:
    """What was left; nothing where that is not what the factory wrote."""
    try:
        return Outbox.model_validate_json(files.read_regular(state / NOTICES, _MOST_BYTES) or b"{}")
    except (ValidationError, TooLarge):
        return Outbox()


def write_notices(state: Path, outbox: Outbox, *, durable: bool = False) -> None:
    """Leave it for whoever comes next. Raises OSError."""
    files.write(state / NOTICES, outbox.model_dump_json(exclude_defaults=True).encode(), durable=durable)
