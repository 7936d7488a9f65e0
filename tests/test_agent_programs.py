"""Coding agents that are programs, in the line: here stand-ins that print what the real ones were seen to print."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from factory.execution.agents.programs.heard import result_in
from factory.model.failure import FailureClass
from factory.model.lifecycle import Lane
from tests.test_agent_streams import CASES, Case
from tests.world import SCRIPTED, World

_RECORDED = Path(__file__).parent / "fixtures/agent_cli"
_STAND_IN = """#!/bin/sh
cat > prompt.seen
rm -f prompt.seen
{work}
cat {out}
exit {status}
"""


def stand_in(
    place: Path, monkeypatch: pytest.MonkeyPatch, agent: str, printed: bytes, status: int, work: str = ":"
) -> None:
    """Put a program of an agent's name first on the PATH."""
    place.mkdir(exist_ok=True)
    program, out = place / agent, place / "printed"
    out.write_bytes(printed)
    program.write_text(_STAND_IN.format(work=work, out=out, status=status))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(place), prepend=":")


def with_agent(world: World, kind: str, **more: object) -> None:
    """Let an agent of this kind do the work."""
    agent = json.dumps({"it": {"kind": kind, **more}})
    policy = world.read("WORKFLOW.md").replace("branch: main", f"branch: main\nagents: {agent}", 1)
    world.write("WORKFLOW.md", policy)
    world.write("contracts/scripted.yaml", SCRIPTED.replace("run: [factory-scripted]", "agent: it"))
    world.item("one")
    world.commit("An agent")


_WORK = "echo x > a.txt"


@pytest.mark.parametrize("name", ["claude.ok", "codex.ok", "opencode.ok"])
def test_what_an_agent_has_done_is_proven_and_merged(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    agent = name.partition(".")[0]
    stand_in(tmp_path / "bin", monkeypatch, agent, (_RECORDED / f"{name}.out").read_bytes(), 0, _WORK)
    with_agent(world, agent)
    world.tick()
    assert world.lane("one") == "done"
    assert world.git("show", "main:a.txt") == "x"
    assert json.loads(world.artifacts("one")["run-1/result.json"])["summary"] == "All done."
    (usage,) = [entry.usage for entry in world.journal("one") if entry.usage]
    assert usage.tokens == 220


def test_an_agent_works_without_a_sandbox_too(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path / "bin", monkeypatch, "claude", (_RECORDED / "claude.ok.out").read_bytes(), 0, _WORK)
    world.policy("sandbox: off\n")
    with_agent(world, "claude")
    world.tick()
    assert world.lane("one") == "done"


ENDED = [
    case for case in CASES if case.expected not in ("ok", "denied", "cancelled", "timeout") and case.status in (0, 1, 2)
]


@pytest.mark.parametrize("case", ENDED, ids=lambda case: case.name)
def test_an_ending_costs_what_its_class_costs(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    both = b"".join((_RECORDED / f"{case.name}.{kind}").read_bytes() for kind in ("out", "err"))
    stand_in(tmp_path / "bin", monkeypatch, case.agent, both, case.status, _WORK)
    with_agent(world, case.agent)
    world.tick()
    kind = FailureClass(case.expected)
    assert world.last("one").failure == kind
    assert world.lane("one") == (Lane.INBOX if kind.cost == "attempt" else Lane.BLOCKED)


def test_a_tool_that_was_denied_is_told_of_where_nothing_was_changed(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path / "bin", monkeypatch, "claude", (_RECORDED / "claude.denied.out").read_bytes(), 0)
    with_agent(world, "claude")
    world.tick()
    assert "it was not allowed to use Write" in (world.last("one").reason or "")


def test_an_agent_that_is_not_installed_is_a_matter_for_a_person(world: World) -> None:
    with_agent(world, "opencode")
    world.tick()
    assert world.lane("one") == "blocked" and world.last("one").failure is FailureClass.CONFIG


def test_a_question_is_a_question(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 'I need to know.\n```json\n{"status": "blocked", "question": "Which of the two?"}\n```\n'
    ended: Mapping[str, object] = {"type": "result", "subtype": "success", "is_error": False, "result": asked}
    stand_in(tmp_path / "bin", monkeypatch, "claude", f"{json.dumps(ended)}\n".encode(), 0)
    with_agent(world, "claude")
    world.tick()
    assert world.lane("one") == "blocked" and world.last("one").reason == "Which of the two?"


def test_a_result_in_a_file_counts_more_than_one_in_the_last_message(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = 'So.\n```json\n{"status": "failed", "summary": "in words"}\n```\n'
    ended: Mapping[str, object] = {"type": "result", "subtype": "success", "is_error": False, "result": said}
    wrote = """echo x > a.txt; echo '{"status": "ok", "summary": "in a file"}' > $FACTORY_OUT/result.json"""
    stand_in(tmp_path / "bin", monkeypatch, "claude", f"{json.dumps(ended)}\n".encode(), 0, wrote)
    with_agent(world, "claude")
    world.tick()
    assert world.lane("one") == "done"
    assert json.loads(world.artifacts("one")["run-1/result.json"])["summary"] == "in a file"


def test_the_key_of_an_account_is_masked_in_what_its_agent_says(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "k-0123456789abcdef0123456789")
    ended = {"type": "result", "subtype": "success", "is_error": False, "result": "It is k-0123456789abcdef0123456789."}
    stand_in(
        tmp_path / "bin", monkeypatch, "claude", f"{json.dumps(ended)}\n".encode(), 0, 'echo "${#SOME_KEY}" > a.txt'
    )
    with_agent(world, "claude", secrets=["SOME_KEY"])
    world.tick()
    assert world.git("show", "main:a.txt") == "28"
    assert "0123456789abcdef" not in world.git("log", "-p", "--all")


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("Nothing.", None),
        ('```json\n{"status": "ok"}\n```', b'{"status": "ok"}\n'),
        ('```\n{"status": "ok"}\n```\nand\n```json\n{"status": "failed"}\n```\n', b'{"status": "failed"}\n'),
        ('```json\n{"status": \n```', None),
        ('```json\n["status"]\n```', None),
        ("```python\nprint(1)\n```\n", None),
    ],
)
def test_a_fenced_block_with_a_status_stands_for_the_file(message: str, found: bytes | None) -> None:
    assert result_in(message) == found


def test_the_key_is_masked_in_what_an_agent_says_went_wrong(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "k-0123456789abcdef0123456789")
    wrong = {"type": "turn.failed", "error": {"message": "Incorrect API key: k-0123456789abcdef0123456789"}}
    stand_in(tmp_path / "bin", monkeypatch, "codex", f"{json.dumps(wrong)}\n".encode(), 1)
    with_agent(world, "codex", secrets=["SOME_KEY"])
    world.tick()
    assert world.last("one").failure is FailureClass.AUTH
    assert "0123456789abcdef" not in world.git("log", "-p", "--all")
