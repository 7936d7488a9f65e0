"""Metrics: the numbers of a fold, by group, each with how many things it rests on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from factory.line.snapshot import SnapshotReader
from factory.model.lifecycle import Lane, Outcome
from factory.model.moments import moment_of, rfc3339
from factory.report.fold.fold import Fold
from factory.report.metrics.breakers import breaker_times
from factory.report.metrics.catalogue import METRICS, Form
from factory.report.metrics.drift import assertions_changed, missions_in
from factory.report.metrics.grouping import By
from factory.report.metrics.sums import Sum, bounded, sums_of
from factory.report.metrics.tally import DAY, Tally
from factory.report.percentiles import SHOWN, percentile

Number = int | float


@dataclass(frozen=True)
class Measured:
    """One number. A spread has its parts, and the sum of all that was measured."""

    name: str
    labels: tuple[str, ...]  # the values of the metric's labels
    n: int  # how many things it rests on
    value: Number | None = None  # None where it rests on nothing
    spread: Mapping[str, Number] | None = None
    total: Number = 0


@dataclass(frozen=True)
class Metrics:
    """The numbers of each group, and of which time."""

    commit: str
    since: int | None  # the second at which the period begins; None where nothing has happened yet
    until: int
    by: By | None
    groups: Mapping[str, tuple[Measured, ...]]

    def as_json(self) -> dict[str, object]:
        """All for programs."""
        return {
            "commit": self.commit,
            "since": None if self.since is None else rfc3339(moment_of(self.since)),
            "until": rfc3339(moment_of(self.until)),
            "by": self.by,
            "groups": [{"group": group, "metrics": _as_json(told)} for group, told in self.groups.items()],
        }


def _as_json(told: tuple[Measured, ...]) -> dict[str, object]:
    found: dict[str, list[dict[str, object]]] = {name: [] for name in METRICS}
    for each in told:
        labels = dict(zip(METRICS[each.name].labels, each.labels, strict=True))
        said = dict(each.spread or {}) if METRICS[each.name].form is Form.SPREAD else {"value": each.value}
        found[each.name].append({**labels, **said, "n": each.n})
    return dict(found)


def metrics_of(
    reader: SnapshotReader, fold: Fold, by: By | None = None, since: int | None = None, most: int | None = None
) -> Metrics:
    """The numbers of a fold, from a day on, in days since 1970, up to its own time; without one, from the first day.

    Of more groups than `most` the smallest are counted as one.
    """
    sums = bounded(sums_of(reader, fold, by, since), most)
    known = [each.begins for each in sums.values() if each.begins is not None]
    first = since if since is not None else min(known, default=None)
    begins = None if first is None else first * DAY
    period = (fold.at if begins is None else begins, fold.at)
    breakers = breaker_times(reader, fold, (begins or 0, fold.at))
    groups: dict[str, tuple[Measured, ...]] = {}
    for group in sorted(sums) or ([""] if by is None else []):
        one = sums.get(group) or Sum(Tally(), Tally(), Tally(), None)
        changed = assertions_changed(reader, fold, missions_in(one)) if by is not By.SEAT else None
        told = [
            *_measured(one, period, by),
            *([Measured("assertions_changed", (), changed.of, changed.changed)] if changed else ()),
            *(
                Measured("breaker_open_seconds", (of,), each.times, each.seconds)
                for of, each in breakers.items()
                if by is None or of == _BREAKER.get(by, "").format(group)
            ),
        ]
        groups[group] = tuple(sorted(told, key=lambda each: _ORDER[each.name]))
    return Metrics(fold.commit, begins, fold.at, by, groups)


_ORDER = {name: number for number, name in enumerate(METRICS)}
_BREAKER = {By.CONTRACT: "contract {}", By.WORKER: "agent {}"}


def _measured(one: Sum, period: tuple[int, int], by: By | None) -> Iterator[Measured]:
    """The numbers of one group, in a period."""
    yield from _verdicts(one.during)
    if by is not By.SEAT:
        yield from _flow(one, period)
        yield from _quality(one.during)
        yield from _cost(one.during)
        yield from _handoff(one)


def _flow(one: Sum, period: tuple[int, int]) -> Iterator[Measured]:
    during, standing = one.during, one.standing
    ended, landed = int(during.of("went")), int(during.of("landed"))
    for outcome in Outcome:
        yield Measured("items_ended", (str(outcome),), ended, during.of(f"ended/{outcome}"))
    days = (period[1] - period[0]) / DAY
    yield Measured("throughput_per_day", (), landed, landed / days if days > 0 else None)
    yield _spread("lead_time_seconds", (), during.samples.get("lead", []))
    yield _spread("cycle_time_seconds", (), during.samples.get("cycle", []))
    for lane in (lane for lane in Lane if lane is not Lane.DONE):
        for part in ("worked", "waited"):
            yield _ratio("lane_time_seconds", during.of(f"{part}/{lane}"), landed, (str(lane), part))
    lead = sum(during.samples.get("lead", []))
    worked = sum(value for _, value in during.labelled("worked"))
    yield Measured("flow_efficiency_ratio", (), landed, worked / lead if lead else None)
    for lane in (lane for lane in Lane if lane is not Lane.DONE):
        count = int(standing.of(f"wip/{lane}"))
        yield Measured("wip_items", (str(lane),), count, count)
    yield _mean_wip(one, period)
    ages = [max(0, period[1] - each) for each in standing.samples.get("submitted", [])]
    yield _spread("wip_age_seconds", (), ages)
    for lane in (lane for lane in Lane if lane is not Lane.DONE):
        ages = [max(0, period[1] - each) for each in standing.samples.get(f"since/{lane}", [])]
        yield _spread("lane_age_seconds", (str(lane),), ages)


def _mean_wip(one: Sum, period: tuple[int, int]) -> Measured:
    """Open items on the average: what was there, for the whole period, and what came or went, for its part."""
    since, until = period
    there = int(one.before.of("came") - one.before.of("went"))
    came, went = one.during.of("came"), one.during.of("went")
    seconds = there * (until - since) + came * until - one.during.of("came at")
    seconds -= went * until - one.during.of("went at")
    return Measured("wip_mean_items", (), there + int(came), seconds / (until - since) if until > since else None)


def _quality(during: Tally) -> Iterator[Measured]:
    runs, landed = int(during.of("runs")), int(during.of("landed"))
    yield _ratio("first_pass_ratio", during.of("first pass"), landed)
    yield _spread("rounds", (), during.samples.get("rounds", []))
    for event in ("rework", "block", "release"):
        for cause, count in during.labelled(event):
            yield _ratio(f"{event}_ratio", count, runs, (cause,))
    for kind, count in during.labelled("failure"):
        yield Measured("failures", (kind,), runs, count)
    yield _ratio("broken_claims_ratio", during.of("broken"), int(during.of("claims")))
    yield _ratio("scope_drift_ratio", during.of("strayed"), int(during.of("scoped")))


def _verdicts(during: Tally) -> Iterator[Measured]:
    for decision, count in during.labelled("verdict"):
        yield Measured("verdicts", (decision,), int(during.of("verdicts")), count)
    for who in ("machine", "person"):
        yield _spread("verdict_seconds", (who,), during.samples.get(f"latency/{who}", []))
    yield _ratio("overturned_ratio", during.of("overturned"), int(during.of("judged")))


def _cost(during: Tally) -> Iterator[Measured]:
    runs, priced = int(during.of("runs")), int(during.of("priced"))
    for event, count in during.labelled("runs"):
        yield Measured("runs", (event,), runs, count)
    yield _spread("run_seconds", (), during.samples.get("run", []))
    for kind in ("input", "output"):
        yield Measured("tokens", (kind,), runs, during.of(kind))
    yield Measured("usd", (), priced, during.of("usd"))
    yield Measured("usd_unknown_runs", (), runs, during.of("unpriced"))
    yield _ratio("usd_per_run", during.of("usd"), priced)
    yield _ratio("tokens_per_run", during.of("input") + during.of("output"), runs)
    yield _ratio("usd_per_finished_item", during.of("landed usd"), int(during.of("landed priced")))
    yield _ratio("tokens_per_finished_item", during.of("landed tokens"), int(during.of("landed")))
    decided, usd = int(during.of("decided")), during.of("decided usd")
    yield Measured("wasted_runs", (), decided, during.of("wasted"))
    yield Measured("wasted_usd", (), decided, during.of("wasted usd"))
    yield Measured("wasted_tokens", (), decided, during.of("wasted tokens"))
    yield Measured("wasted_usd_ratio", (), decided, during.of("wasted usd") / usd if usd else None)


def _handoff(one: Sum) -> Iterator[Measured]:
    during = one.during
    left, answered = int(during.of("left")), sum(int(count) for _, count in during.labelled("answered"))
    yield Measured("loose_ends", (), left, left)
    for answer, count in during.labelled("answered"):
        yield Measured("loose_ends_answered", (answer,), answered, count)
    yield _spread("loose_end_seconds", (), during.samples.get("loose", []))
    still = int(one.standing.of("loose"))
    yield Measured("loose_ends_open", (), still, still)
    yield _ratio("handoff_loss_ratio", during.of("answered/ended"), answered)


def _ratio(name: str, part: Number, n: int, labels: tuple[str, ...] = ()) -> Measured:
    return Measured(name, labels, n, part / n if n else None)


def _spread(name: str, labels: tuple[str, ...], values: list[Number]) -> Measured:
    ordered, total = sorted(values), sum(values)
    if not ordered:
        return Measured(name, labels, 0)
    spread = {word: percentile(ordered, percent) for word, percent in SHOWN.items()}
    return Measured(name, labels, len(ordered), None, {**spread, "mean": total / len(ordered)}, total)
