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


def test_an_earlier_session_goes_on_and_what_it_tells_of_its_past_is_not_said_again() -> None:
    argv = ("--", sys.executable, str(_AGENT), "nothing")
    begun, *_ = lines = told("--session", "session-0", *argv)
    assert begun["session"] == "session-0" and [line["text"] for line in lines if "text" in line] == ["All done."]
    assert told("--session", "forgotten", *argv)[0]["session"] == "session-1"


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
