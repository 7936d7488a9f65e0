"""The door to OpenTelemetry's library: spans and metrics as it has them, sent to whom its variables name."""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

from factory import __version__
from factory.connect.otel.exporting import Signal
from factory.connect.otel.meters import Meters
from factory.connect.otel.settings import METRICS, TRACES, Settings
from factory.model.errors import UnusableError
from factory.report.trace import Span

try:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData, PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
except ImportError:
    raise UnusableError("OpenTelemetry is not installed", "pip install 'git-factory[otel]'") from None

# The last release of the semantic conventions that has those of GenAI in it.
CONVENTIONS = "https://opentelemetry.io/schemas/1.41.0"
_BATCH = 512  # spans in a request
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAME = "git-factory"
_SCOPE = InstrumentationScope(_NAME, __version__, CONVENTIONS)


def signals_of(settings: Settings) -> Sequence[Signal]:
    """What is exported. Raises UnusableError where a variable says what the library does not understand."""
    own = {SERVICE_NAME: _NAME, SERVICE_VERSION: __version__}
    resource = Resource.create({**own, **OTELResourceDetector().detect().attributes})
    within_s, found = settings.answered_within_s, list[Signal]()
    try:
        if TRACES in settings.receivers:
            found.append(TraceSignal(OTLPSpanExporter(timeout=within_s), resource))
        if METRICS in settings.receivers:
            found.append(MetricSignal(_NotingExporter(timeout=within_s), resource))
    except ValueError as error:
        raise UnusableError(f"OpenTelemetry: {error}", "correct the variables OTEL_…") from None
    return found


class TraceSignal:
    """Spans, with the ids that follow from their journals."""

    name = TRACES

    def __init__(self, exporter: SpanExporter, resource: Resource) -> None:
        self._exporter, self._resource = exporter, resource

    def send(self, spans: Iterator[Span]) -> bool:
        """Export these; whether the receiver has taken all of them."""
        while batch := [_as_theirs(span, self._resource) for span in islice(spans, _BATCH)]:
            if self._exporter.export(batch) is not SpanExportResult.SUCCESS:
                return False
        return True

    def shut_down(self) -> None:
        """Let go of what waits to be tried again."""
        self._exporter.shutdown()


def _as_theirs(span: Span, resource: Resource) -> ReadableSpan:
    """The span as the library has it. Why it failed stays in the journal: it may name people and quote output."""
    return ReadableSpan(
        span.name,
        context=_context(span.trace, span.id),
        parent=_context(span.trace, span.parent) if span.parent else None,
        resource=resource,
        attributes=dict(span.attributes),
        kind=SpanKind.INTERNAL,
        status=Status(StatusCode.ERROR) if span.error else Status(),
        start_time=_nanoseconds(span.start),
        end_time=_nanoseconds(span.end or span.start),
        instrumentation_scope=_SCOPE,
    )


def _context(trace: str, span: str) -> SpanContext:
    return SpanContext(int(trace, 16), int(span, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


class _NotingExporter(OTLPMetricExporter):
    """Remembers whether the receiver has taken what was exported last, which its reader does not tell."""

    went = True

    def export(
        self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **kwargs: object
    ) -> MetricExportResult:
        """Export, and remember."""
        result = super().export(metrics_data, timeout_millis, **kwargs)
        self.went = result is MetricExportResult.SUCCESS
        return result


class MetricSignal:
    """What spans add up to, in this process."""

    name = METRICS

    def __init__(self, exporter: _NotingExporter, resource: Resource) -> None:
        self._exporter, self._resource = exporter, resource
        self._begin()

    def _begin(self) -> None:
        """Count from nothing."""
        self._reader = PeriodicExportingMetricReader(self._exporter, export_interval_millis=math.inf)  # when it is told
        provider = MeterProvider([self._reader], self._resource, shutdown_on_exit=False)
        self._meters = Meters(provider.get_meter(_NAME, __version__, CONVENTIONS))

    def send(self, spans: Iterator[Span]) -> bool:
        """Add these, and export the sums; whether the receiver has taken them. If not, these are to come again."""
        for span in spans:
            self._meters.add(span)
        self._reader.collect()
        if not self._exporter.went:
            self._begin()
        return self._exporter.went

    def shut_down(self) -> None:
        """Let go of what waits to be tried again."""
        self._exporter.shutdown()
