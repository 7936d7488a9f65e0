"""Sums: the tallies of a whole fold, made of those of its parts, which are remembered while nothing in them moves."""

from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from factory import __version__
from factory.line.snapshot import SnapshotReader
from factory.model.base import digest
from factory.report.fold.fold import Fold
from factory.report.fold.part import FORM, Part
from factory.report.metrics.grouping import By, Grouping
from factory.report.metrics.tally import STANDING, Tallies, Tally, tallied
from factory.store.remembered import Remembered
from factory.store.state import FOLD, SUMS

_FORM = f"1 {__version__} {digest(FORM.encode())}"
OTHERS = "(other)"
_TALLIES: TypeAdapter[Tallies] = TypeAdapter(Tallies)


@dataclass(frozen=True)
class Sum:
    """What one group has come to: before a period, in it, and as it stands."""

    before: Tally
    during: Tally
    standing: Tally
    begins: int | None  # the day, since 1970, on which anything of it happened first

    @property
    def weight(self) -> int:
        """How much there is to say of it."""
        return int(self.during.of("runs") + self.during.of("verdicts") + self.during.of("came"))


def sums_of(reader: SnapshotReader, fold: Fold, by: By | None, since: int | None) -> dict[str, Sum]:
    """The sum of each group, with what happened from a day on, in days since 1970; without one, ever."""
    memory = Remembered(reader.repository.state / FOLD / SUMS, _FORM)
    grouping = Grouping(fold, by)
    found: dict[str, Sum] = {}
    for part in (*fold.parts, fold.open):
        for group, days in _of_part(memory, part, grouping).items():
            known = found.get(group) or Sum(Tally(), Tally(), Tally(), None)
            happened = [day for day in days if day != STANDING]
            begins = min([*happened, *([known.begins] if known.begins is not None else [])], default=None)
            for day, tally in days.items():
                earlier = since is not None and day < since
                (known.standing if day == STANDING else known.before if earlier else known.during).add(tally)
            found[group] = Sum(known.before, known.during, known.standing, begins)
    return found


def bounded(sums: dict[str, Sum], most: int | None) -> dict[str, Sum]:
    """At most so many groups, and one more of all the others: those of which there is least to say."""
    if most is None or len(sums) <= most:
        return sums
    ranked = sorted(sums, key=lambda group: (-sums[group].weight, group))
    begins = [day for group in ranked[most:] if (day := sums[group].begins) is not None]
    rest = Sum(Tally(), Tally(), Tally(), min(begins, default=None))
    for group in ranked[most:]:
        rest.before.add(sums[group].before)
        rest.during.add(sums[group].during)
        rest.standing.add(sums[group].standing)
    return {**{group: sums[group] for group in ranked[:most]}, OTHERS: rest}


def _of_part(memory: Remembered, part: Part, grouping: Grouping) -> Tallies:
    """The tallies of some items: as they are remembered, or counted now."""
    name = f"{grouping.by or 'all'}-{part.name}"
    # Which contract an item has, and what its worker does, hangs on the policy, too.
    policy = digest(repr((grouping.fold.routes, sorted(grouping.fold.plans))).encode())
    key = f"{part.key} {policy}"
    body = memory.body(name, key)
    if body is not None:
        try:
            return _TALLIES.validate_json(body)
        except ValidationError:
            pass  # whole, and of another shape
    counted = tallied(part, grouping)
    memory.put(name, key, b"", _TALLIES.dump_json(counted))
    return counted
