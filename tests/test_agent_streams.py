"""What coding agents print comes to a class of its own, whatever they exit with; recorded from the real programs."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.execution.agents.programs.claude import claude
from factory.execution.agents.programs.codex import codex
from factory.execution.agents.programs.heard import Parser
from factory.execution.agents.programs.opencode import opencode
from factory.execution.agents.programs.stream import Stream
from factory.model.failure import FailureClass

_RECORDED = Path(__file__).parent / "fixtures/agent_cli"
_PARSERS: dict[str, Parser] = {"claude": claude, "codex": codex, "opencode": opencode}


class Case(NamedTuple):
    name: str
    agent: str
    status: int
    expected: str


CASES = [
    Case(each["name"], each["agent"], each["rc"], each["expect"])
    for each in json.loads((_RECORDED / "index.json").read_text())
]


def read(case: Case, size: int = 1000) -> Stream:
    stream = Stream(_PARSERS[case.agent])
    for kind in ("out", "err"):
        data = (_RECORDED / f"{case.name}.{kind}").read_bytes()
        for start in range(0, len(data), size):
            stream.take(data[start : start + size])
    return stream


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_ending_that_was_seen_has_its_class(case: Case) -> None:
    stream = read(case)
    failure = stream.failure(case.status)
    match case.expected:
        case "ok":
            assert stream.heard.finished and failure is None and not stream.heard.denials
        case "denied":
            assert stream.heard.denials
            assert failure is None if case.agent == "claude" else failure is not None
        case "cancelled" | "timeout":  # which whoever stopped it knows
            assert not stream.heard.finished and failure is not None
        case kind:
            assert failure is not None and failure.kind == FailureClass(kind), failure


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_however_it_comes_the_same_is_heard(case: Case) -> None:
    assert read(case, 7).heard == read(case, 100_000).heard


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_stream_that_breaks_off_is_never_a_success(case: Case) -> None:
    lines = (_RECORDED / f"{case.name}.out").read_bytes().splitlines(keepends=True)
    for count in range(len(lines)):
        stream = Stream(_PARSERS[case.agent])
        stream.take(b"".join(lines[:count]))
        stream.take(lines[count][: len(lines[count]) // 2])
        assert stream.failure(0) is not None, count


def test_what_it_cost_is_heard() -> None:
    found = {case.name: read(case).heard for case in CASES if case.expected == "ok"}
    assert found["claude.ok"].usage.usd == 0.0015 and found["claude.ok"].usage.tokens == 220
    assert found["codex.ok"].usage.usd is None and found["codex.ok"].usage.tokens == 220
    assert found["opencode.ok"].usage.usd == pytest.approx(0.0009) and found["opencode.ok"].usage.tokens == 220
    assert found["claude.retry_ok"].retries == 2


@pytest.mark.parametrize("agent", _PARSERS)
@given(
    events=st.lists(
        st.recursive(
            st.none()
            | st.booleans()
            | st.floats()
            | st.integers()
            | st.sampled_from(
                ["type", "result", "success", "error", "assistant", "item.completed", "turn.completed", "step_finish"]
            ),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["type", "error", "usage", "item", "part", "message"]), inner)
            ),
            max_leaves=12,
        ),
        max_size=5,
    )
)
def test_rubbish_is_no_success_and_no_error_of_ours(agent: str, events: list[object]) -> None:
    stream = Stream(_PARSERS[agent])
    stream.take("".join(f"{json.dumps(event)}\n" for event in events).encode())
    stream.take(b"\xff\x00not json\n[" * 3 + b"{" * 5000)
    failure = stream.failure(0)
    assert stream.heard.finished or failure is not None
    assert 0 <= stream.heard.usage.tokens <= 10**12 and 0 <= stream.heard.usage.spent <= 10**6


def test_a_line_without_an_end_is_not_kept() -> None:
    stream = Stream(claude)
    for _ in range(12):
        stream.take(b"x" * 1_000_000)
    stream.take(b'\n{"type": "result", "subtype": "success", "is_error": false}\n')
    assert stream.heard.finished
