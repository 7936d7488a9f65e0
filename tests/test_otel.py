"""OpenTelemetry: what is published is exported, whole and at least once, and nobody waits where nobody receives it."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv.schemas import Schemas
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from factory.connect.otel import exporting
from factory.connect.otel.receiver import CONVENTIONS, TraceSignal
from factory.connect.otel.settings import Settings, settings_of
from factory.model.trace_context import trace_id, traceparent
from factory.report.trace import spans_of
from tests.otlp import Receiver, attributes, receiving
from tests.test_trace import _WORK
from tests.world import World

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as found:
        monkeypatch.setenv(_ENDPOINT, found.endpoint)
        yield found


def told(world: World, item_id: str) -> dict[str, tuple[str, str, str, str]]:
    """(id, parent, start, end) of the spans that the journal has, by name."""
    spans = json.loads(world.command("trace", item_id, "--json"))
    return {span["name"]: (span["id"], span["parent"], span["start"], span["end"]) for span in spans}


def received(receiver: Receiver, item_id: str) -> dict[str, tuple[str, str, str, str]]:
    """The same of those that came."""
    return {
        name: (
            span.span_id.hex(),
            span.parent_span_id.hex(),
            _moment(span.start_time_unix_nano),
            _moment(span.end_time_unix_nano),
        )
        for name, span in receiver.named(item_id).items()
    }


def _moment(nanoseconds: int) -> str:
    moment = datetime.fromtimestamp(nanoseconds // 10**9, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds % 10**9 // 10**6:03}Z"


def test_a_receiver_gets_the_whole_trace_over_several_ticks_and_the_root_at_the_end(
    world: World, receiver: Receiver
) -> None:
    world.item("one", _WORK, contract="reviewed")
    world.command("tick")
    assert sorted(receiver.named("one")) == ["run 1", "waiting", "worker"], "what is over, and no more"
    world.verdict("one", "approve")
    world.command("tick")
    assert received(receiver, "one") == told(world, "one")
    assert len(receiver.spans) == len(told(world, "one")), "each came once"
    [trace] = {span.trace_id.hex() for span in receiver.spans}
    assert trace in world.command("trace", "one")
    root = receiver.named("one")["item"]
    assert attributes([*root.attributes])["factory.outcome"] == "applied"
    run = attributes([*receiver.named("one")["run 1"].attributes])
    assert (run["gen_ai.operation.name"], run["gen_ai.usage.input_tokens"]) == ("invoke_agent", 700)
    assert (run["factory.cost.usd"], run["factory.item.id"], run["factory.contract"]) == (0.25, "one", "reviewed")
    assert receiver.resources[0]["service.name"] == "git-factory"
    assert receiver.schemas == {CONVENTIONS}


def test_a_failure_is_told_by_its_class_and_its_words_stay_in_the_journal(world: World, receiver: Receiver) -> None:
    world.item("one", [{"say": "hunter2"}, {"exit": 3}])
    world.command("tick")
    run = receiver.named("one")["run 1"]
    assert run.status.code == Status.STATUS_CODE_ERROR and run.status.message == ""
    assert attributes([*run.attributes])["error.type"] == "crash"


def test_metrics_say_what_runs_and_items_came_to(world: World, receiver: Receiver) -> None:
    world.item("one", _WORK)
    world.item("two", contract="reviewed")
    world.command("tick")
    runs = {str(told["factory.contract"]): value for told, value in receiver.counted("factory.runs")}
    assert runs == {"scripted": 1, "reviewed": 1}
    assert receiver.counted("factory.items.finished") == [
        ({"factory.contract": "scripted", "factory.outcome": "applied"}, 1)
    ]
    [(said, usd)] = receiver.counted("factory.cost.usd")
    assert (said["factory.contract"], usd) == ("scripted", 0.25)
    tokens = {told["gen_ai.token.type"]: value for told, value in receiver.counted("gen_ai.client.token.usage")}
    assert tokens == {"input": 700, "output": 30}
    assert len(receiver.counted("factory.run.duration")) == 2 and len(receiver.counted("factory.item.duration")) == 1


def test_what_a_process_that_was_killed_had_published_the_next_one_exports(world: World, receiver: Receiver) -> None:
    world.item("one", contract="reviewed")
    world.item("two")
    asked, killed = threading.Event(), threading.Event()

    def kill() -> None:
        asked.set()
        killed.wait(30)

    receiver.before_answer = kill
    process = world.start("tick")
    assert asked.wait(30)
    world.until(lambda: world.lane("two") == "done")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    receiver.before_answer = lambda: None
    killed.set()
    world.git("reset", "-q", "--hard")
    receiver.spans.clear()
    world.command("tick")
    for item_id in ("one", "two"):
        over = {name: span for name, span in told(world, item_id).items() if span[3]}
        assert received(receiver, item_id) == over


def test_where_nobody_listens_a_tick_does_the_same_and_a_later_one_exports_it(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}"
    monkeypatch.setenv(_ENDPOINT, f"{closed}/key-in-a-path?token=hunter2")
    world.item("one")
    said = world.command("tick")
    assert world.lane("one") == "done" and "1 done today" in said
    line = f"not exported to OpenTelemetry: traces to {closed}: ConnectionError"
    assert said.count(line) == 1 and "hunter2" not in said and "key-in" not in said
    assert f"traces to {closed}: the last export failed (ConnectionError)" in world.command("doctor", status=None)
    monkeypatch.setenv(_ENDPOINT, receiver.endpoint)
    world.command("tick")
    assert received(receiver, "one") == told(world, "one")
    assert f"OpenTelemetry: traces to {receiver.endpoint}\n" in world.command("doctor", status=None)


def test_nobody_waits_for_a_receiver_that_never_answers(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")
    ended = threading.Event()

    def never() -> None:
        ended.wait(60)

    receiver.before_answer = never
    world.item("one")
    said = world.command("tick")  # would last a minute, if it waited for an answer
    assert not ended.is_set()
    ended.set()
    assert world.lane("one") == "done" and "not exported to OpenTelemetry: traces to" in said


def test_what_was_published_without_the_variables_is_exported_by_the_next_process_that_has_them(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.item("one", contract="reviewed")
    world.command("tick")
    monkeypatch.delenv(_ENDPOINT)
    world.verdict("one", "approve")
    world.command("tick")
    assert "item" not in receiver.named("one")
    monkeypatch.setenv(_ENDPOINT, receiver.endpoint)
    world.item("two")
    world.command("tick")
    assert received(receiver, "one") == told(world, "one") and "item" in receiver.named("two")


def test_of_very_much_that_was_left_some_is_exported_and_the_rest_said_to_be_left_out(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.status = 403
    world.item("one")
    world.command("tick")
    receiver.status = 200
    monkeypatch.setattr(exporting, "_MOST", 2)
    assert "traces: more than 2 spans were left from before; the others are left out" in world.command("tick")
    assert len(receiver.spans) == 2
    assert "left out" not in world.command("tick"), "it does not begin again"


def test_a_receiver_that_refuses_is_told_of_with_what_it_says(world: World, receiver: Receiver) -> None:
    receiver.status = 403
    world.item("one")
    assert f"traces to {receiver.endpoint}: HTTP status 403" in world.command("tick")
    assert world.lane("one") == "done"


def test_at_the_end_nobody_waits_until_a_receiver_that_is_busy_wants_it_again(world: World, receiver: Receiver) -> None:
    receiver.status = 503  # asks for it once more in four seconds
    world.item("one")
    world.command("tick")
    assert sorted(receiver.requests) == ["/v1/metrics", "/v1/traces"]


def test_what_was_there_before_anybody_asked_for_exports_is_not_exported(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(_ENDPOINT)
    world.item("old")
    world.command("tick")
    monkeypatch.setenv(_ENDPOINT, receiver.endpoint)
    world.item("new")
    world.command("tick")
    assert receiver.named("new") and not receiver.named("old")


def test_each_clone_exports_what_it_has_published(
    world: World, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.git("clone", "-q", "--bare", str(world.root), str(tmp_path / "origin"))
    world.git("remote", "add", "origin", str(tmp_path / "origin"))
    world.git("fetch", "-q")
    world.git("clone", "-q", str(tmp_path / "origin"), str(tmp_path / "other"))
    other = World(tmp_path / "other")
    world.item("one")
    world.command("tick", "--push")
    assert "item" in receiver.named("one")
    receiver.spans.clear()
    other.item("two")
    other.command("tick", "--push")
    assert other.lane("one") == "done", "it has taken over what the first clone did"
    assert "item" in receiver.named("two") and not receiver.named("one")


def test_without_the_variables_the_library_is_not_even_loaded(world: World) -> None:
    world.item("one")
    code = (
        "import sys; from factory.cli.program import run; code = run(['tick']); "
        "sys.exit(code or any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=world.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert world.lane("one") == "done" and not (world.root / ".git/factory/exported").exists()


def test_where_the_extra_is_missing_the_tick_says_so_and_goes_on(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for ours in ("receiver", "meters"):
        monkeypatch.delitem(sys.modules, f"factory.connect.otel.{ours}", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.metrics", None)
    world.item("one")
    assert "OpenTelemetry is not installed; pip install 'git-factory[otel]'" in world.command("tick")
    assert world.lane("one") == "done"


def test_an_exporter_in_memory_gets_every_span_with_its_parent_times_and_attributes(world: World) -> None:
    world.item("one", _WORK)
    world.tick()
    spans = [*spans_of("one", world.journal("one"), "scripted")]
    exporter = InMemorySpanExporter()
    assert TraceSignal(exporter, Resource({})).send(iter(spans))
    came = exporter.get_finished_spans()
    assert [span.name for span in came] == [span.name for span in spans]
    for theirs, ours in zip(came, spans, strict=True):
        assert theirs.context is not None and f"{theirs.context.span_id:016x}" == ours.id
        assert f"{theirs.context.trace_id:032x}" == ours.trace
        assert (f"{theirs.parent.span_id:016x}" if theirs.parent else "") == ours.parent
        assert theirs.start_time == int(ours.start.timestamp()) * 10**9
        assert theirs.attributes == ours.attributes


def test_what_a_worker_is_given_is_a_context_that_the_library_reads() -> None:
    at = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
    context = TraceContextTextMapPropagator().extract({"traceparent": traceparent("one", at, 2, "worker")})
    parent = get_current_span(context).get_span_context()
    assert f"{parent.trace_id:032x}" == trace_id("one", at) and parent.trace_flags.sampled


def test_the_names_are_those_of_the_conventions_that_are_named(world: World) -> None:
    assert Schemas.V1_41_0.value == CONVENTIONS
    known = {value for value in vars(gen_ai_attributes).values() if isinstance(value, str)}
    world.item("one", _WORK)
    world.tick()
    named = {name for span in spans_of("one", world.journal("one"), None) for name in span.attributes}
    assert {name for name in named if name.startswith("gen_ai.")} and {
        name for name in named if name.startswith("gen_ai.")
    } <= known


@pytest.mark.parametrize(
    ("env", "receivers"),
    [
        ({}, {}),
        ({"OTEL_SERVICE_NAME": "shop"}, {}),
        ({_ENDPOINT: "https://me:secret@otel.example:4318/x?key=1"}, {"traces", "metrics"}),
        ({_ENDPOINT: "http://a", "OTEL_SDK_DISABLED": "true"}, {}),
        ({_ENDPOINT: "http://a", "OTEL_METRICS_EXPORTER": "none"}, {"traces"}),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, {"traces"}),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://a/v1/metrics"}, {"metrics"}),
        ({_ENDPOINT: "http://a", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, {}),
        ({_ENDPOINT: "http://a", "OTEL_TRACES_EXPORTER": "zipkin"}, {"metrics"}),
    ],
)
def test_the_standard_variables_say_what_is_exported(env: dict[str, str], receivers: set[str]) -> None:
    found = settings_of(env)
    assert set(found.receivers) == set(receivers)
    assert bool(found.refused) == any(word in str(env) for word in ("grpc", "zipkin"))
    assert "secret" not in str(found) and "key" not in str(found)


def test_an_address_that_is_none_is_no_reason_to_fail() -> None:
    assert settings_of({_ENDPOINT: "http://[broken"}) == Settings(
        dict.fromkeys(("traces", "metrics"), "what the variables name")
    )
