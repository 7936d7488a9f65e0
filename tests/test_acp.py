"""Agents that speak the Agent Client Protocol: any of them may work, under the contract."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from factory.model.failure import FailureClass
from tests.test_agent_programs import with_agent
from tests.world import World

_AGENT = Path(__file__).parent / "acp_agent.py"
_PROGRAM = (sys.executable, "-c", "from factory.workers.acp import main; main()")


def speaking(world: World, what: str, contract: str = "", **more: object) -> None:
    """Let an agent that does this one thing work."""
    with_agent(world, "acp", run=[sys.executable, str(_AGENT), what], **more)
    if contract:
        text = world.read("contracts/scripted.yaml").replace("agent: it", f"agent: it, {contract}")
        world.write("contracts/scripted.yaml", text)
        world.commit("What it may do")


def told(*words: str, asked: str = "Do it.") -> list[dict[str, object]]:
    """What `factory-acp` prints of an agent."""
    done = subprocess.run([*_PROGRAM, *words], input=asked.encode(), capture_output=True, timeout=60)
    assert b"Traceback" not in done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_such_an_agent_has_done_is_proven_and_merged(world: World) -> None:
    speaking(world, "works")
    world.tick()
    assert world.lane("one") == "done"
    assert world.git("show", "main:a.txt") == "True"
    assert json.loads(world.artifacts("one")["run-1/result.json"])["summary"] == "All done."
    (entry,) = [entry for entry in world.journal("one") if entry.usage]
    assert entry.usage is not None and (entry.usage.tokens, entry.usage.usd) == (220, 0.5)
    assert entry.agent is not None and (entry.agent.session, entry.agent.version) == ("session-1", "example 1.2")


def test_it_is_given_leave_for_the_kinds_of_tools_that_its_contract_names_and_no_other(world: World) -> None:
    speaking(world, "works", contract="tools: [read, search]")
    world.tick()
    assert "it was not allowed to use Write a.txt" in (world.last("one").reason or "")


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ("no-key", FailureClass.AUTH),
        ("refuses", FailureClass.REFUSAL),
        ("busy", FailureClass.RATE_LIMIT),
        ("dies", FailureClass.NETWORK),
        ("rubbish", FailureClass.NETWORK),
    ],
)
def test_an_ending_that_is_none_has_its_class(world: World, what: str, kind: FailureClass) -> None:
    speaking(world, what)
    world.tick()
    assert world.last("one").failure is kind


def test_one_that_gives_no_sign_is_stopped(world: World) -> None:
    speaking(world, "hangs", contract="")
    text = world.read("contracts/scripted.yaml")
    world.write("contracts/scripted.yaml", f"{text}limits: {{stall_minutes: 0.05}}\n")
    world.commit("Patience")
    world.tick()
    assert world.last("one").failure is FailureClass.STALL


def test_a_model_is_one_that_it_offers() -> None:
    argv = ("--", sys.executable, str(_AGENT), "nothing")
    assert told("--model", "large", *argv)[-1] == {"type": "end", "reason": "end_turn"}
    assert told("--model", "none", *argv)[-1]["message"] == "model not found: none"


_CHECK = 'checks: [{name: right, run: [sh, -c, "grep -q right a.txt"], when: delivery}]\n'


def sent_back_once(world: World, what: str) -> None:
    """An agent whose first work a check refuses, and that goes on with it."""
    speaking(world, what)
    world.write("contracts/scripted.yaml", world.read("contracts/scripted.yaml") + _CHECK)
    world.commit("A check")
    world.tick()
    assert world.lane("one") == "rework"
    world.tick()
    assert world.lane("one") == "done", world.last("one")


def test_rework_happens_in_the_session_of_the_first_run(world: World) -> None:
    sent_back_once(world, "goes on")
    prompt = world.git("show", "main:prompt.txt")
    assert prompt.startswith("Go on with this task") and "check right: " in prompt
    assert world.git("show", "main:turns.txt") == "2"
    told = [entry for entry in world.journal("one") if entry.agent]
    assert len({each.agent.session for each in told if each.agent}) == 1
    assert [each.usage.tokens for each in told if each.usage] == [110, 110]  # and not what both turns came to


def test_one_that_has_forgotten_its_session_is_told_everything(world: World) -> None:
    sent_back_once(world, "forgets")
    assert world.git("show", "main:prompt.txt") == "do one" and world.git("show", "main:turns.txt") == "1"


def test_an_earlier_session_goes_on_and_what_it_tells_of_its_past_is_not_said_again() -> None:
    argv = ("--", sys.executable, str(_AGENT), "nothing")
    begun, *_ = lines = told("--session", "session-0", *argv)
    assert begun["session"] == "session-0" and [line["text"] for line in lines if "text" in line] == ["All done."]
    assert told("--session", "forgotten", *argv)[0]["session"] == "session-1"


@pytest.mark.parametrize(("session", "asked"), [("session-0", "Go on."), ("forgotten", "All of it.")])
def test_where_a_session_is_not_there_any_more_it_is_told_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, session: str, asked: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    whole = tmp_path / "whole"
    whole.write_text("All of it.")
    kept = tmp_path / ".example/sessions/session-1"
    kept.parent.mkdir(parents=True)
    kept.write_text("0")
    told("--session", session, "--anew", str(whole), "--", sys.executable, str(_AGENT), "goes on", asked="Go on.")
    assert (tmp_path / "prompt.txt").read_text() == asked


def test_without_the_library_it_is_said_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "acp.py").write_text("raise ImportError")
    done = subprocess.run(
        [*_PROGRAM, "true"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert (
        done.stderr
        == "error: the protocol's library is not installed; install it with: pip install 'git-factory[acp]'\n"
    )
