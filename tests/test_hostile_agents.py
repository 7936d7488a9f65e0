"""Agents that are careless or hostile: what they print is masked before it is cut, and bounded before it counts."""

import json
from pathlib import Path

import pytest

from factory.execution.agents.programs.claude import claude
from factory.execution.agents.programs.stream import Stream
from factory.execution.redaction.mask import Mask
from factory.model.failure import FailureClass
from factory.model.questions import Option
from tests.test_agent_programs import stand_in, with_agent
from tests.test_audit_honest import findings
from tests.test_questions import NAME, PATH, answer, asked
from tests.world import World

KEY = "sk-0123456789abcdefghijKLMNOPQRSTUVWXYZ0123456789abcdefghijKLMNOPQRSTUVWXYZ"
WORK = "echo x > a.txt"


def lines(*events: object) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def ended(**more: object) -> dict[str, object]:
    return {"type": "result", "subtype": "success", "is_error": False, "result": "Done.", **more}


def claude_prints(
    world: World, place: Path, monkeypatch: pytest.MonkeyPatch, printed: bytes, work: str = WORK, **agent: object
) -> None:
    stand_in(place / "bin", monkeypatch, "claude", printed, 0, work)
    with_agent(world, "claude", **agent)


def test_a_key_is_kept_nowhere_wherever_an_agent_puts_it(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_A", KEY)
    begun = {"type": "system", "subtype": "init", "session_id": KEY, "model": f"m-{KEY}", "claude_code_version": KEY}
    tool = {"type": "tool_use", "name": "Bash" * 45 + KEY}
    said = {"type": "text", "text": "x" * 3950 + KEY}
    coloured = {"type": "text", "text": f"\x1b[01;31m\x1b[K{KEY[:30]}\x1b[m\x1b[K{KEY[30:]}"}
    messages = [{"type": "assistant", "message": {"content": [each]}} for each in (tool, coloured, said)]
    printed = lines(begun, *messages, ended(result="y" * 3950 + KEY, errors=["z" * 3950 + KEY]))
    claude_prints(world, tmp_path, monkeypatch, printed, secrets={"ANTHROPIC_API_KEY": "KEY_A"})
    world.tick()
    assert world.lane("one") == "done"
    kept = world.git("log", "-p", "--all")
    parts = [KEY[start : start + 12] for start in range(0, len(KEY) - 12, 6)]
    assert not [part for part in parts if part in kept]


def test_what_an_agent_does_is_shown_without_its_key() -> None:
    mask = Mask({"KEY_A": KEY})
    stream = Stream(claude, hide=mask.hide)
    tool = {"type": "tool_use", "name": f"curl -H 'Authorization: Bearer {KEY}'"}
    stream.take(lines({"type": "assistant", "message": {"content": [tool]}}))
    assert stream.heard.step == "curl -H 'Authorization: Bearer [masked KEY_A]'"


def test_a_question_counts_at_the_end_of_a_message_however_long(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "I looked at the code and ran things. " * 500
    block = '```json\n{"status": "blocked", "question": "This deletes data. May I?"}\n```\n'
    claude_prints(world, tmp_path, monkeypatch, lines(ended(result=f"{text}\n{block}")))
    world.tick()
    assert world.lane("one") == "blocked" and world.last("one").reason == "This deletes data. May I?"


def test_what_a_program_counts_is_not_for_its_model_to_say(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dear = ended(total_cost_usd=5.0, usage={"input_tokens": 50_000, "output_tokens": 5_000})
    cheap = ended(total_cost_usd=0.01, usage={"input_tokens": 1, "output_tokens": 0})
    free = 'echo x > a.txt; echo \'{"status": "ok", "usage": {"usd": 0.0}}\' > "$FACTORY_OUT/result.json"'
    claude_prints(world, tmp_path, monkeypatch, lines(dear, cheap), free)
    world.tick()
    (usage,) = [entry.usage for entry in world.journal("one") if entry.usage]
    assert (usage.usd, usage.tokens) == (5.0, 55_000)


@pytest.mark.parametrize("told", [253_402_300_799, 1_796_065_670_000, 10**30])
def test_a_reset_that_is_told_in_any_number_is_kept_within_a_week(told: int) -> None:
    stream = Stream(claude)
    stream.take(lines({"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": told}}))
    assert len(stream.heard.reset.removeprefix("resets_at: ")) == 10


def test_an_answer_counts_although_the_item_is_moved_besides(world: World) -> None:
    asked(world, NAME)
    answer(world, name="Ann of course")
    world.move("one", "queue/rework")
    world.tick(drain=True)
    assert world.lane("one") == "done", (world.events("one"), world.last("one"), world.command("status"))
    assert world.journal("one")[3].answers == {"name": "Ann of course"}
    assert not (world.root / PATH).exists() and findings(world.root) == []


@pytest.mark.parametrize("name", ["010", "0x10", "1e5", "true", "NULL"])
def test_an_option_is_called_by_what_a_person_can_write(name: str) -> None:
    with pytest.raises(ValueError, match="nobody could write it"):
        Option(id=name, text="x")


def test_nobody_judges_what_they_have_worked_on_in_an_earlier_round(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path / "bin", monkeypatch, "claude", lines(ended()), 0, WORK)
    agents = {name: {"kind": "claude", "model": name} for name in ("alpha", "beta", "gamma")}
    roles = {
        "work": [{"agent": "alpha", "rounds": [1]}, {"agent": "beta"}],
        "review": [{"agent": "gamma", "rounds": [1]}, {"agent": "alpha"}],
    }
    world.policy(f"agents: {json.dumps(agents)}\nroles: {json.dumps(roles)}")
    seats = [{"name": "tests", "kind": "checks"}, {"name": "critic", "kind": "agent", "role": "review"}]
    world.contract(
        "scripted", worker={"role": "work"}, checks=[{"name": "no", "run": ["false"]}], review={"seats": seats}
    )
    world.item("one")
    world.tick(drain=True)
    last = world.last("one")
    assert (world.lane("one"), last.failure) == ("blocked", FailureClass.CONFIG)
    assert "'alpha'" in str(last.reason) and "nobody approves their own work" in str(last.reason)
