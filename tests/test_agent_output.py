"""What an agent does is told in the same words whichever program it is: as an artifact, live, and after the run."""

import json
import signal
import threading
from pathlib import Path

import pytest

from factory.execution.agents.programs.stream import Stream
from factory.execution.agents.programs.trace import Trace
from factory.execution.redaction.mask import Mask
from factory.report.output import Output
from factory.store.system import MACHINE
from tests.test_agent_programs import stand_in, with_agent
from tests.test_agent_sessions import program
from tests.test_agent_streams import _PARSERS, CASES, Case
from tests.world import World

_RECORDED = Path(__file__).parent / "fixtures/agent_cli"


def traced(case: Case) -> list[dict[str, object]]:
    trace = Trace(MACHINE)
    stream = Stream(_PARSERS[case.agent], trace.note)
    stream.take((_RECORDED / f"{case.name}.out").read_bytes())
    return [json.loads(line) for line in trace.data().splitlines()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_trace_has_no_other_kinds_than_those_that_are_documented(case: Case) -> None:
    kinds = {"message", "tool", "usage", "retry", "denial", "error", "end"}
    assert {noted["kind"] for noted in traced(case)} <= kinds


@pytest.mark.parametrize("name", ["claude.ok", "codex.ok", "opencode.ok"])
def test_the_same_work_leaves_the_same_kinds_of_lines(name: str) -> None:
    (case,) = [case for case in CASES if case.name == name]
    kinds = [noted["kind"] for noted in traced(case)]
    assert kinds[-1] == "end" and {"message", "tool", "usage"} <= set(kinds)


@pytest.mark.parametrize(
    ("name", "used"),
    [
        ("claude.ok", "Write: /srv/cell/a.txt"),
        ("codex.file_change", "file_change: /srv/cell/a.txt"),
        ("opencode.ok", "write: /srv/cell/a.txt"),
    ],
)
def test_a_tool_is_told_with_what_it_works_on(name: str, used: str) -> None:
    (case,) = [case for case in CASES if case.name == name]
    assert used in [noted["tool"] for noted in traced(case) if noted["kind"] == "tool"]


def test_a_command_that_a_tool_runs_is_told_in_one_short_line() -> None:
    trace = Trace(MACHINE)
    stream = Stream(_PARSERS["claude"], trace.note)
    given: object
    for given in ({"command": "npm test &&\n\x1b[2J" + "x" * 9000}, {"todos": []}, "rubbish", {"command": 3}):
        part: dict[str, object] = {"type": "tool_use", "name": "Bash", "input": given}
        stream.take(json.dumps({"type": "assistant", "message": {"content": [part]}}).encode() + b"\n")
    told = [json.loads(line)["tool"] for line in trace.data().splitlines()]
    assert told[0].startswith("Bash: npm test && ") and "\x1b" not in told[0] and len(told[0]) == 200
    assert told[1:] == ["Bash", "Bash", "Bash"]


def test_what_a_command_prints_for_a_terminal_is_shown_as_plain_text() -> None:
    output = Output(Mask({}), is_trace=False)
    printed = b"\x1b[31mred\x1b[0m \x1b[2K\x1b[1;3Hat \x1b]0;title\x07\x1b]8;;http://x\x1b\\link\x1b(B\r\n"
    assert list(output.more(printed)) == ["red at link"]


def test_what_went_wrong_stands_in_the_trace() -> None:
    (case,) = [case for case in CASES if case.name == "claude.401_auth"]
    assert [noted["class"] for noted in traced(case) if noted["kind"] == "error"] == ["auth"]


def test_a_long_trace_keeps_its_end_and_says_how_much_is_left_out() -> None:
    trace = Trace(MACHINE)
    stream = Stream(_PARSERS["codex"], trace.note)
    for number in range(3000):
        said = {"type": "item.completed", "item": {"type": "agent_message", "text": f"{number} {'x' * 200}"}}
        stream.take(json.dumps(said).encode() + b"\n")
    stream.take(b'{"type": "turn.completed", "usage": {"input_tokens": 1}}\n')
    last = json.loads(trace.data().splitlines()[-1])
    assert len(trace.data()) < 300_000 and last["kind"] == "end" and last["left_out"] > 1000


def test_the_trace_is_an_artifact_without_secrets_and_is_shown_after_the_run(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "k-0123456789abcdef0123456789")
    said = {"type": "result", "subtype": "success", "is_error": False, "result": "It is k-0123456789abcdef0123456789."}
    stand_in(tmp_path / "bin", monkeypatch, "claude", f"{json.dumps(said)}\n".encode(), 0, "echo x > a.txt")
    with_agent(world, "claude", secrets=["SOME_KEY"])
    world.tick()
    noted = [json.loads(line) for line in world.artifacts("one")["run-1/trace.jsonl"].splitlines()]
    assert [each["text"] for each in noted if each["kind"] == "message"] == ["It is [masked SOME_KEY]."]
    shown = world.command("logs", "one")
    assert "message  It is [masked SOME_KEY]." in shown and "  end" in shown
    assert "0123456789abcdef" not in shown + world.git("log", "-p", "--all")
    assert world.command("logs", "one", "--run", "1") == shown


def test_what_a_command_printed_is_shown_after_the_run(world: World) -> None:
    world.item("one", [{"print": "hello"}, {"write": {"path": "a.txt", "text": "x\n"}}])
    world.tick()
    assert "hello" in world.command("logs", "one")


def test_a_run_that_was_none_has_nothing_to_show(world: World) -> None:
    world.item("one")
    assert "no item" in world.command("logs", "none", status=2)
    world.tick()
    assert "nothing is kept of run 7" in world.command("logs", "one", "--run", "7", status=2)


_SLOW = """#!/bin/sh
echo '{"type": "system", "subtype": "init", "session_id": "s"}'
echo '{"type": "assistant", "message": {"content": [{"type": "text", "text": "I begin, k-0123456789abcdef."}]}}'
cat > /dev/null
while [ ! -e "$HOME/go" ]; do sleep 0.1; done; echo x > a.txt
echo '{"type": "result", "subtype": "success", "is_error": false, "result": "I have done it."}'
"""


def test_a_run_is_followed_to_its_end_and_nobody_else_can_see_it(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "k-0123456789abcdef")
    program(tmp_path / "bin", monkeypatch, "claude", _SLOW)
    with_agent(world, "claude", secrets=["SOME_KEY"])
    worker = threading.Thread(target=world.tick)
    worker.start()
    live = world.root / ".git/factory/live/one"
    world.until(lambda: live.exists() and b"I begin" in live.read_bytes())
    assert live.parent.stat().st_mode & 0o077 == 0
    assert "message  I begin, [masked SOME_KEY]." in world.command("logs", "one")
    follower = world.start("logs", "-f", "one")
    interrupted = world.start("logs", "-f", "one")
    for each in (follower, interrupted):  # each shows what there is, and goes on
        assert each.stdout is not None and "I begin" in each.stdout.readline()
    interrupted.send_signal(signal.SIGINT)
    out, err = interrupted.communicate()
    assert "Traceback" not in out + (err or "") and interrupted.returncode == 130
    (cell,) = (Path.home() / "cache/factory").glob("*/factory-cell-*")
    (cell / "home/go").touch()
    worker.join()
    out, _ = follower.communicate()
    assert "I have done it." in out and follower.returncode == 0
    assert not live.exists() and world.lane("one") == "done"


# In seats

# Approves whatever it is shown.
_JUDGE = """#!/bin/sh
cat > /dev/null
echo '{"type": "assistant", "message": {"content": [{"type": "tool_use", "name": "Read"}]}}'
printf 'subject: %s\\npatch: sha256:%s\\ndecision: approve\\n' "$FACTORY_SUBJECT" \\
  "$(sha256sum < "$FACTORY_PATCH" | cut -d" " -f1)" > "$FACTORY_OUT/verdict.yaml"
echo '{"type": "result", "subtype": "success", "is_error": false, "result": "SAID"}'
"""


def judged(world: World, place: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """Let two agents judge what a command made, who say this."""
    program(place / "bin", monkeypatch, "claude", _JUDGE.replace("SAID", said))
    judge = "{kind: claude, secrets: [SOME_KEY]}"
    world.policy(f"agents:\n  first: {judge}\n  second: {judge}\n")
    seats = [{"name": each, "kind": "agent", "agent": each} for each in ("first", "second")]
    world.contract("scripted", review={"seats": seats})
    world.item("one")
    world.tick()


def test_the_trace_of_a_seat_is_an_artifact_without_secrets_and_is_shown(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "k-0123456789abcdef0123456789")
    judged(world, tmp_path, monkeypatch, "I have read k-0123456789abcdef0123456789.")
    assert world.lane("one") == "done", world.last("one")
    left = world.artifacts("one")
    assert "run-1/trace.jsonl" not in left  # a command worked
    for seat in ("first", "second"):
        noted = [json.loads(line) for line in left[f"run-1/trace.{seat}.jsonl"].splitlines()]
        assert [each["kind"] for each in noted] == ["tool", "message", "end"]
        assert noted[1]["text"] == "I have read [masked SOME_KEY]."
        assert json.loads(left["run-1/manifest.json"])["files"][f"trace.{seat}.jsonl"]["by"] == "factory"
        shown = world.command("logs", "one", "--seat", seat)
        assert "tool     Read" in shown and "message  I have read [masked SOME_KEY]." in shown
    assert "0123456789abcdef" not in world.git("log", "-p", "--all")
    assert world.command("audit")


def test_a_line_of_a_seats_trace_that_looks_like_a_secret_is_left_out_of_it(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "k-0123456789abcdef0123456789")
    key = "AKIA" + "IOSFODNN7EXAMPLF"
    judged(world, tmp_path, monkeypatch, f"The key is {key}.")
    assert world.lane("one") == "done"  # its verdict says nothing of it
    trace = world.artifacts("one")["run-1/trace.first.jsonl"]
    assert key not in world.git("log", "-p", "--all") and "[masked AWS Access Key]" in trace and "Read" in trace


def test_an_audit_sees_when_the_trace_of_a_seat_was_changed(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "k-0123456789abcdef0123456789")
    judged(world, tmp_path, monkeypatch, "Well.")
    place = next(world.root.glob("artifacts/**/trace.first.jsonl"))
    place.write_text("")
    world.commit("Another trace")
    assert "trace.first.jsonl: " in world.command("audit", status=1)


def test_what_a_command_printed_in_a_seat_is_shown_and_of_none_nothing_is_kept(world: World) -> None:
    world.contract("scripted", review={"seats": [{"name": "critic", "kind": "command", "run": ["echo", "no verdict"]}]})
    world.item("one")
    world.tick()
    assert world.command("logs", "one", "--seat", "critic") == "no verdict\n"
    said = world.command("logs", "one", "--seat", "other", status=2)
    assert "nothing is kept of the seat other in run 1 of one" in said
    assert "once it has judged" in world.command("logs", "one", "-f", "--seat", "critic", status=2)
