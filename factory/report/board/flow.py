"""Flow: the charts of how items come, stay and go, each with what it says in words and the numbers behind it."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from factory.model.lifecycle import Lane
from factory.model.text import counted
from factory.report.board import charts
from factory.report.board.charts import Dot
from factory.report.board.items import MOST_ENDED
from factory.report.board.values import Chart, Table
from factory.report.board.window import Window
from factory.report.board.words import UNKNOWN, dollars, lasting, line, moment
from factory.report.fold.facts import ItemFacts
from factory.report.percentiles import SHOWN, percentile

LAYERS = (Lane.DONE, Lane.REVIEW, Lane.ACTIVE, Lane.REWORK, Lane.BLOCKED, Lane.INBOX)  # the lowest first
_OPEN = LAYERS[1:]
_AT_WORK = (Lane.ACTIVE, Lane.REVIEW, Lane.REWORK, Lane.BLOCKED)
_MOST_AGEING = 200
_TIMES = 5  # that stand below a chart
_GOLDEN = 0.618034  # of which the multiples lie apart


@dataclass(frozen=True)
class Flow:
    """What there is to draw: the items that were open at any time in a window."""

    window: Window
    items: Sequence[ItemFacts]

    @property
    def landed(self) -> list[ItemFacts]:
        """Those that ended well in it, in the order in which they did."""
        found = [item for item in self.items if item.landed and self.window.index(item.ended or 0) is not None]
        return sorted(found, key=lambda item: item.ended or 0)

    def cycles(self) -> list[tuple[ItemFacts, float]]:
        """These with the seconds from their first start to their end, as far as they ever started."""
        return [(item, float(max(0, item.ended - item.started))) for item in self.landed if item.ended and item.started]

    def shares(self) -> dict[str, float]:
        """The percentiles of these times by name; none of nothing."""
        times = sorted(seconds for _, seconds in self.cycles())
        return {f"p{each}": percentile(times, each) for each in SHOWN.values()} if times else {}

    def charts(self) -> tuple[Chart, ...]:
        """All of them, in the order of the page."""
        return (self.cumulative(), self.opened(), self.cycle_times(), self.ageing(), self.costs(), self.failures())

    def layers(self) -> dict[Lane, list[int]]:
        """How many items were in each lane at the end of each step; of the finished, those of this window alone."""
        window = self.window
        moments = [min(window.end, window.begin + (number + 1) * window.step - 1) for number in range(window.count)]
        changes = {lane: [0] * (len(moments) + 1) for lane in LAYERS}
        for item in self.items:
            for stay in item.stays:
                changes[stay.lane][bisect_left(moments, stay.since)] += 1
                if stay.until is not None:
                    changes[stay.lane][bisect_left(moments, stay.until)] -= 1
        return {lane: list(accumulate(changes[lane]))[:-1] for lane in LAYERS}

    def cumulative(self) -> Chart:
        """All that came, by what had become of it."""
        ended = counted(self.layers()[Lane.DONE][-1], "item")
        words = f"All items by lane at the end of each step, the ended ones counted from the left: {ended}."
        return self._areas("flow", "Cumulative flow", words, LAYERS)

    def opened(self) -> Chart:
        """The open ones alone, which would not be seen beside the many that ended."""
        layers = self.layers()
        now = ", ".join(f"{layers[lane][-1]} in {lane}" for lane in reversed(_OPEN) if layers[lane][-1])
        return self._areas(
            "open", "Open items", f"The same without those that ended. At the end: {now or 'none'}.", _OPEN
        )

    def _areas(self, key: str, title: str, words: str, lanes: Sequence[Lane]) -> Chart:
        layers = [self.layers()[lane] for lane in lanes]
        labels = [self.window.label(number) for number in range(self.window.count)]
        rows = tuple((label, *map(str, column)) for label, *column in zip(labels, *layers, strict=True))
        return Chart(
            key=key,
            title=title,
            words=words if self.items else "",
            svg=charts.areas(labels, layers) if self.items else "",
            legend=tuple((f"lane-{lane}", str(lane)) for lane in reversed(lanes)),
            table=Table(("from", *map(str, lanes)), rows, tuple(range(1, len(lanes) + 1))),
        )

    def cycle_times(self) -> Chart:
        """From the first start to a good end, item by item, with the percentiles of all."""
        cycles, shares = self.cycles(), self.shares()
        shown = cycles[-MOST_ENDED:]
        marks = [
            Dot(item.ended or 0, took, f"{_id(item)}: {lasting(took)}, ended {moment(item.ended)}")
            for item, took in shown
        ]
        told = ", ".join(f"{name} {lasting(took)}" for name, took in shares.items())
        left = f" The newest {len(shown)} are drawn." if len(shown) < len(cycles) else ""
        return Chart(
            key="cycle",
            title="Cycle time",
            words=f"From the first start to a good end, of {counted(len(cycles), 'item')}: {told}.{left}"
            if cycles
            else "",
            svg=charts.dots([marks], shares, self._along()) if marks else "",
            legend=(("dots-done", "an item that ended well"), *_LINES) if marks else (),
            table=Table(
                ("item", "ended", "cycle time"),
                tuple((_id(item), moment(item.ended), lasting(took)) for item, took in reversed(shown[-100:])),
                (2,),
                f"The newest 100 of {len(cycles)}." if len(cycles) > 100 else "",
            ),
        )

    def ageing(self) -> Chart:
        """How long ago the open items were started, against the percentiles of those that have ended."""
        found = [item for item in self.items if item.lane in _AT_WORK and item.started is not None]
        oldest = sorted(found, key=lambda item: (item.started or 0, item.id))[:_MOST_AGEING]
        places: dict[Lane, list[Dot]] = defaultdict(list)
        for item in oldest:
            beside = (len(places[item.lane]) * _GOLDEN) % 1 * 0.7 - 0.35
            age = self._age(item)
            dot = Dot(_AT_WORK.index(item.lane) + beside, age, f"{_id(item)}: {lasting(age)}, in {item.lane}")
            places[item.lane].append(dot)
        names = [(-0.5, ""), *((number, str(lane)) for number, lane in enumerate(_AT_WORK)), (len(_AT_WORK) - 0.5, "")]
        top = f" The oldest is {_id(oldest[0])}, started {lasting(self._age(oldest[0]))} ago." if oldest else ""
        left = f" The oldest {len(oldest)} are drawn." if len(oldest) < len(found) else ""
        return Chart(
            key="ageing",
            title="Ageing work in progress",
            words=f"{counted(len(found), 'item')} begun and not ended, by lane.{top}{left}" if found else "",
            svg=charts.dots([places[lane] for lane in _AT_WORK], self.shares(), names) if found else "",
            legend=(*((f"dots-{lane}", str(lane)) for lane in _AT_WORK), *_LINES) if found else (),
            table=Table(
                ("item", "lane", "age", "started"),
                tuple((_id(item), str(item.lane), lasting(self._age(item)), moment(item.started)) for item in oldest),
                (2,),
            ),
        )

    def costs(self) -> Chart:
        """What all runs of an item that ended well have cost, on the average of each step."""
        known: list[list[float]] = [[] for _ in range(self.window.count)]
        unknown = [0] * self.window.count
        for item in self.landed:
            step = self.window.index(item.ended or 0) or 0
            if item.usd is None:
                unknown[step] += 1
            else:
                known[step].append(item.usd)
        means = [sum(each) / len(each) if each else None for each in known]
        labels = [self.window.label(number) for number in range(self.window.count)]
        named = [f"{label}: {dollars(mean)} USD" for label, mean in zip(labels, means, strict=True)]
        count, spent = sum(map(len, known)), sum(map(sum, known))
        rows = tuple(
            (label, dollars(mean), str(len(each)), dollars(sum(each)) if each else UNKNOWN, str(missing))
            for label, mean, each, missing in zip(labels, means, known, unknown, strict=True)
            if each or missing
        )
        said = (
            f"USD, all runs together, of {counted(count, 'item')} that ended well: {dollars(spent / (count or 1))} each"
        )
        missing = f"; nobody said what {sum(unknown)} more cost" if sum(unknown) else ""
        return Chart(
            key="cost",
            title="Cost of a finished item",
            words=f"{said}{missing}." if count else "",
            svg=charts.bars(labels, means, named) if count else "",
            legend=(),
            table=Table(("from", "USD an item", "items", "USD", "of unknown cost"), rows, (1, 2, 3, 4)),
        )

    def failures(self) -> Chart:
        """How many runs ended in a failure, by its class."""
        runs = [run for item in self.items for run in item.runs if run.ended is not None]
        ended = [run for run in runs if self.window.index(run.ended or 0) is not None]
        counts = Counter(str(run.failure) for run in ended if run.failure is not None)
        ordered = dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
        failed = sum(ordered.values())
        return Chart(
            key="failures",
            title="Failures by class",
            words=f"{failed} of {counted(len(ended), 'run')} failed." if failed else "",
            svg=charts.lying_bars(ordered) if failed else "",
            legend=(),
            table=Table(("class", "runs"), tuple((name, str(count)) for name, count in ordered.items()), (1,)),
        )

    def _age(self, item: ItemFacts) -> float:
        return float(max(0, self.window.end - (item.started or self.window.end)))

    def _along(self) -> list[tuple[float, str]]:
        """The times that stand below a chart, from the window's beginning to its end."""
        window = self.window
        every = -(-window.count // _TIMES)
        inner = [window.begin + number * window.step for number in range(0, window.count, every)]
        return [*((each, window.told(each)) for each in inner), (window.begin + window.count * window.step, "")]


_LINES = (("line-p50", "p50"), ("line-p85", "p85"), ("line-p95", "p95"))


def _id(item: ItemFacts) -> str:
    return line(item.id, 90)
