"""Meters: what ended spans add up to."""

from collections.abc import Iterable

from factory.model.errors import UnusableError
from factory.report.trace import Span
from factory.report.trace_attributes import Attribute

try:
    from opentelemetry.metrics import Meter
except ImportError:
    raise UnusableError("OpenTelemetry is not installed", "pip install 'git-factory[otel]'") from None

_OF_RUN = ("factory.contract", "factory.worker", "factory.event", "error.type")
_OF_ITEM = ("factory.contract", "factory.outcome")
_OF_MODEL = ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model")
_RUN_S = (1, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)
_ITEM_S = (60, 300, 900, 1800, 3600, 14400, 28800, 86400, 259200, 604800, 1209600, 2419200)
_TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)


class Meters:
    """Counters and histograms of runs and of items that have ended."""

    def __init__(self, meter: Meter) -> None:
        self._runs = meter.create_counter("factory.runs", "{run}", "Runs that have ended")
        self._items = meter.create_counter("factory.items.finished", "{item}", "Items that have ended")
        self._cost = meter.create_counter("factory.cost.usd", "USD", "What runs have cost, as far as it is known")
        self._run_s = meter.create_histogram(
            "factory.run.duration", "s", "How long runs took", explicit_bucket_boundaries_advisory=_RUN_S
        )
        self._item_s = meter.create_histogram(
            "factory.item.duration", "s", "From submission to the end", explicit_bucket_boundaries_advisory=_ITEM_S
        )
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage", "{token}", "Tokens of a run", explicit_bucket_boundaries_advisory=_TOKENS
        )

    def add(self, span: Span) -> None:
        """Count a span that has ended, if it is a run or an item."""
        told, seconds = span.attributes, ((span.end or span.start) - span.start).total_seconds()
        if not span.parent:
            self._items.add(1, _some(span, _OF_ITEM))
            self._item_s.record(seconds, _some(span, _OF_ITEM))
        elif "factory.run" in told:
            self._runs.add(1, _some(span, _OF_RUN))
            self._run_s.record(seconds, _some(span, _OF_RUN))
            cost = told.get("factory.cost.usd")
            if isinstance(cost, int | float):
                self._cost.add(cost, _some(span, (*_OF_RUN, "gen_ai.request.model")))
            for kind in ("input", "output"):
                tokens = told.get(f"gen_ai.usage.{kind}_tokens")
                if isinstance(tokens, int):
                    self._tokens.record(tokens, {**_some(span, _OF_MODEL), "gen_ai.token.type": kind})


def _some(span: Span, names: Iterable[str]) -> dict[str, Attribute]:
    return {name: span.attributes[name] for name in names if name in span.attributes}
