"""A receiver of OpenTelemetry's protocol over HTTP, on this machine: what a test is told of a factory."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Value = str | int | float | bool | None


def attributes(pairs: list[KeyValue]) -> dict[str, Value]:
    """Attributes as plain values."""
    found: dict[str, Value] = {}
    for pair in pairs:
        kind = pair.value.WhichOneof("value")
        found[pair.key] = getattr(pair.value, kind) if kind else None
    return found


@dataclass
class Receiver:
    """What has come so far."""

    endpoint: str = ""
    spans: list[Span] = field(default_factory=list)
    resources: list[dict[str, Value]] = field(default_factory=list)
    schemas: set[str] = field(default_factory=set)
    metrics: list[Metric] = field(default_factory=list)
    status: int = 200  # that it answers
    requests: list[str] = field(default_factory=list)  # their paths
    before_answer: Callable[[], None] = lambda: None

    def take(self, path: str, data: bytes) -> None:
        """Keep what a request holds."""
        if path == "/v1/traces":
            for told in ExportTraceServiceRequest.FromString(data).resource_spans:
                self.resources.append(attributes([*told.resource.attributes]))
                self.schemas |= {scope.schema_url for scope in told.scope_spans}
                self.spans += [span for scope in told.scope_spans for span in scope.spans]
        elif path == "/v1/metrics":
            for each in ExportMetricsServiceRequest.FromString(data).resource_metrics:
                self.metrics += [metric for scope in each.scope_metrics for metric in scope.metrics]

    def named(self, item_id: str) -> dict[str, Span]:
        """The spans of one item, by name."""
        return {span.name: span for span in self.spans if attributes([*span.attributes])["factory.item.id"] == item_id}

    def counted(self, name: str) -> list[tuple[dict[str, Value], float]]:
        """The points of a sum or histogram as it came last: attributes, and the value or the sum."""
        metric = next(each for each in reversed(self.metrics) if each.name == name)
        if metric.WhichOneof("data") == "sum":
            points = [
                (attributes([*each.attributes]), each.as_int or each.as_double) for each in metric.sum.data_points
            ]
        else:
            points = [(attributes([*each.attributes]), each.sum) for each in metric.histogram.data_points]
        return points


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that is there meanwhile."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.requests.append(self.path)
            receiver.before_answer()
            if receiver.status == 200:
                receiver.take(self.path, data)
            self.send_response(receiver.status)
            self.send_header("Retry-After", "4")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        receiver.endpoint = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
