"""Commands that run after each file that a worker writes: it is told of those that fail, and has to put them right."""

import json
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from factory.execution.agents.on_write.commands import Failed
from factory.execution.agents.on_write.findings import findings_of
from factory.model.failure import FailureClass
from tests.hostile import needs_bubblewrap
from tests.test_agent_sessions import program
from tests.test_app_server import serving
from tests.world import World

# Does what its settings say is to be done after it has written a file, and leaves what came of that.
_CLAUDE = f"""#!{sys.executable}
import json, pathlib, subprocess, sys
prompt = sys.stdin.read()
settings = json.loads(sys.argv[sys.argv.index("--settings") + 1]) if "--settings" in sys.argv else {{}}
pathlib.Path("a.txt").write_text("wrong")
told = []
for after in settings.get("hooks", {{}}).get("PostToolUse", []):
    for hook in after["hooks"]:
        done = subprocess.run(hook["command"], shell=True, capture_output=True, text=True)
        told.append([after["matcher"], hook["timeout"], done.returncode, done.stdout, done.stderr])
pathlib.Path("told.json").write_text(json.dumps(told if "--settings" in sys.argv else None))
print(json.dumps({{"type": "result", "subtype": "success", "is_error": False, "result": "All done."}}))
"""
_LOOKS = ["sh", "-c", "grep -q right a.txt || { echo 'a.txt:1:2: E1 is not right'; exit 1; }"]
_COUNTS = ["sh", "-c", 'echo run >> "$FACTORY_OUT/runs"']
# Waits until what it is told is something, or nothing.
_UNTIL = 'until_told() { for _ in $(seq 100); do test $1 -s "$FACTORY_ON_WRITE" && return; sleep 0.1; done; exit 9; }; '


class Told(NamedTuple):
    matcher: str
    timeout: int
    status: int
    out: str
    err: str


def written(
    world: World, place: Path, monkeypatch: pytest.MonkeyPatch, *commands: list[str]
) -> tuple[Told, ...] | None:
    """What Claude is told once it has written a file; None where it has no settings."""
    program(place / "bin", monkeypatch, "claude", _CLAUDE)
    world.policy("agents: {it: {kind: claude}}")
    world.contract("scripted", worker={"agent": "it", **({"on_write": list(commands)} if commands else {})})
    world.item("one")
    world.tick()
    rev = "main" if world.lane("one") == "done" else "factory/one"
    found = json.loads(world.git("show", f"{rev}:told.json"))
    return None if found is None else tuple(Told(*each) for each in found)


def working(world: World, script: str, *commands: list[str], policy: str = "", **contract: object) -> None:
    """Let a command work, with these commands after each of its writes."""
    if policy:
        world.policy(policy)
    worker = {"run": ["sh", "-ec", script], "on_write": list(commands)}
    world.contract("scripted", worker=worker, **contract)
    world.item("one")
    world.tick()


# While it writes


@pytest.mark.parametrize("sandbox", ["auto", "off"])
def test_a_worker_can_read_what_fails_as_soon_as_it_has_written_and_that_nothing_does_any_more(
    world: World, sandbox: str
) -> None:
    script = (
        f'{_UNTIL} echo wrong > a.txt; until_told; cp "$FACTORY_ON_WRITE" told.txt; echo right > a.txt; until_told !'
    )
    working(world, script, _LOOKS, ["true"], policy=f"sandbox: {sandbox}\n")
    assert world.lane("one") == "done", world.last("one")
    called, *rest = world.git("show", "main:told.txt").splitlines()
    assert called.startswith("$ sh -c ") and rest == ["a.txt:1:2: E1 is not right", "[ended with exit status 1]"]


def test_it_is_told_so_in_its_prompt(world: World) -> None:
    working(world, 'cp "$FACTORY_PROMPT" prompt.txt', ["ruff", "check", "two words"], ["true"])
    told = world.artifacts("one")["run-1/prompt.md"]
    assert told.startswith("do one\n\nWhile you work") and "\n  ruff check 'two words'\n  true\n" in told
    assert "$FACTORY_ON_WRITE" in told
    assert world.command("prompt", "one").strip() == told.strip()


def test_what_git_ignores_and_what_is_a_copy_is_no_change(world: World) -> None:
    world.write(".gitignore", "*.log\n")
    world.write("built/big", "x")
    world.git("add", ".gitignore")
    world.git("commit", "-qm", "Ignore logs")
    (world.root / ".git/info/exclude").write_text("/built\n")
    script = 'echo x > a.log; echo x > built/a.txt; sleep 1.5; ls "$FACTORY_OUT" > seen.txt'
    working(world, script, _COUNTS, policy="cell: {copies: [built]}\n")
    assert world.lane("one") == "done", world.last("one")
    assert world.git("show", "main:seen.txt") == ""


def test_a_command_that_writes_each_time_does_not_run_for_ever(world: World) -> None:
    stamps = ["sh", "-c", 'date +%N > stamp.txt; echo run >> "$FACTORY_OUT/runs"']
    working(world, 'echo x > a.txt; sleep 4; cp "$FACTORY_OUT/runs" runs.txt', stamps)
    assert world.lane("one") == "done", world.last("one")
    assert world.git("show", "main:runs.txt").splitlines() == ["run", "run"]


def test_a_command_that_is_under_way_when_the_worker_ends_holds_up_nobody(world: World) -> None:
    waits = ["sh", "-c", 'test -e "$FACTORY_OUT/ended" || { touch "$FACTORY_OUT/begun"; sleep 50; }']
    script = 'echo x > a.txt; until [ -e "$FACTORY_OUT/begun" ]; do sleep 0.1; done; touch "$FACTORY_OUT/ended"'
    working(world, script, waits)
    assert world.lane("one") == "done"
    assert sum(entry.seconds or 0 for entry in world.journal("one")) < 20


def test_an_app_server_is_told_in_the_midst_of_its_turn(world: World) -> None:
    serving(world, "listens")
    fails = "[[sh, -c, 'echo not right; exit 1']]"
    text = world.read("contracts/scripted.yaml").replace("agent: it", f"agent: it, on_write: {fails}")
    world.write("contracts/scripted.yaml", text)
    world.commit("On write")
    world.tick()
    lines = [json.loads(line) for line in world.git("show", "factory/one:told.jsonl").splitlines()]
    (steered,) = [each["params"] for each in lines if each.get("method") == "turn/steer"]
    assert steered["threadId"] == "thread-1" and steered["expectedTurnId"] == "t1"
    (words,) = [each["text"] for each in steered["input"]]
    assert words.startswith("These commands fail") and "not right\n[ended with exit status 1]" in words


# When it has ended


def test_what_still_fails_at_the_end_costs_a_round_and_is_a_finding_with_its_place(world: World) -> None:
    script = 'cp "$FACTORY_FINDINGS" found.json; [ $FACTORY_RUN = 1 ] && echo wrong > a.txt || echo right >> a.txt'
    working(world, script, _LOOKS)
    assert world.lane("one") == "rework"
    entry = world.last("one")
    assert entry.failure is FailureClass.CONTRACT and entry.proposal
    assert entry.reason == "commands of worker.on_write fail on what was written: 1 finding, the first in a.txt:1"
    (finding,) = entry.findings
    assert (finding.id, finding.path, finding.line) == ("W1", "a.txt", 1)
    assert finding.text.startswith("E1 is not right (`sh -c ")
    assert "run-1/evidence.json" not in world.artifacts("one")  # no check was run
    assert "a.txt:1:2: E1 is not right" in world.artifacts("one")["run-1/hooks.log"]
    world.tick()
    assert world.lane("one") == "done" and world.git("show", "main:a.txt") == "wrong\nright"  # it went on from there
    assert json.loads(world.git("show", "main:found.json"))[0]["text"] == finding.text
    assert world.command("audit")


def test_what_fails_in_the_last_round_is_a_persons(world: World) -> None:
    working(world, "echo wrong > a.txt", _LOOKS, rework={"max_rounds": 1})
    assert world.lane("one") == "blocked" and [each.path for each in world.last("one").findings] == ["a.txt"]


def test_what_a_command_puts_right_itself_is_a_part_of_the_change(world: World) -> None:
    working(world, "echo wrong > a.txt", ["sh", "-c", "echo right > a.txt"], _LOOKS)
    assert world.lane("one") == "done" and world.git("show", "main:a.txt") == "right"


def test_who_has_changed_nothing_is_not_looked_at(world: World) -> None:
    working(world, "true", ["sh", "-c", "echo right > a.txt"])
    assert world.last("one").failure is FailureClass.EMPTY


def test_who_asks_or_fails_is_not_sent_back_for_it(world: World) -> None:
    asks = """echo wrong > a.txt; echo '{"status": "blocked", "question": "Which?"}' > $FACTORY_OUT/result.json"""
    working(world, asks, _LOOKS)
    assert (world.lane("one"), world.last("one").reason) == ("blocked", "Which?")


def test_a_program_that_is_not_there_is_a_persons_matter_and_a_script_that_is_not_there_the_workers(
    world: World,
) -> None:
    working(world, "echo x > a.txt", ["no-such-program"])
    assert world.lane("one") == "blocked" and world.last("one").failure is FailureClass.CONFIG
    assert "worker.on_write: 'no-such-program' could not be started" in (world.last("one").reason or "")
    world.contract("scripted", worker={"run": ["sh", "-c", "echo x > a.txt"], "on_write": [["./no-such-script"]]})
    world.item("two")
    world.tick()
    assert world.lane("two") == "rework" and "no-such-script" in world.last("two").findings[0].text


def test_a_secret_that_a_command_prints_is_not_written_down(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "k-0123456789abcdef0123456789")
    looks_like_one = "printf 'a.txt:2: key = AKIA%s' IOSFODNN7EXAMPLX"
    prints = ["sh", "-c", f'echo "a.txt:1: $SOME_KEY"; {looks_like_one}; exit 1']
    worker = {"run": ["sh", "-c", "echo x > a.txt"], "on_write": [prints], "secrets": ["SOME_KEY"]}
    world.contract("scripted", worker=worker)
    world.item("one")
    world.tick()
    assert [each.line for each in world.last("one").findings] == [1, 2]
    told = world.git("log", "-p", "main", "--", "artifacts")
    assert "0123456789abcdef" not in told and "SOME_KEY" in told
    assert "AKIAIOSFODNN7EXAMPLX" not in told


@needs_bubblewrap
def test_the_commands_can_write_no_more_than_the_worker(world: World) -> None:
    world.write("src/kept.txt", "as it was\n")
    world.commit("A file")
    worker = {"run": ["sh", "-c", "echo x > a.txt"], "frozen": ["src/**"]}
    writes = ["sh", "-c", "! echo other > src/kept.txt"]
    world.contract("scripted", worker={**worker, "on_write": [writes]})
    world.item("one")
    world.tick()
    assert world.lane("one") == "done" and world.git("show", "main:src/kept.txt") == "as it was"


# Claude does it by itself


def test_claude_is_told_what_a_command_says_that_fails_and_nothing_of_one_that_passes(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = ["sh", "-c", "cat a.txt; echo \"'is not right'\" >&2; exit 1"]
    tools = "Edit|MultiEdit|Write|NotebookEdit"
    told = written(world, tmp_path, monkeypatch, fails, ["echo", "well"], ["./no-such-program"])
    assert told is not None
    assert told[:2] == (Told(tools, 60, 2, "", "wrong'is not right'\n"), Told(tools, 60, 0, "", ""))
    assert told[2].status == 2 and "no-such-program" in told[2].err


def test_each_word_of_a_command_is_one_word_and_no_template(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["$HOME", "a b", "it's", "; rm a.txt", "{{ item.id }}", "--", "*"]
    told = written(world, tmp_path, monkeypatch, ["sh", "-c", 'printf "%s\\n" "$@"; exit 1', "sh", *words])
    assert told is not None and told[0].err.splitlines() == words
    assert world.last("one").findings[0].text.splitlines()[1:] == words  # and so at the end


def test_of_a_long_text_it_is_told_the_end(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = written(world, tmp_path, monkeypatch, ["sh", "-c", "seq 100000; echo the end; exit 1"])
    assert told is not None and len(told[0].err) == 4000 and told[0].err.endswith("the end\n")
    assert world.last("one").findings[0].text.endswith("the end")


def test_what_it_leaves_wrong_sends_it_back_like_others(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(world, tmp_path, monkeypatch, _LOOKS)
    assert world.lane("one") == "rework" and world.last("one").findings[0].line == 1
    assert "FACTORY_ON_WRITE" not in world.artifacts("one")["run-1/prompt.md"]


def test_without_commands_it_is_started_as_ever(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert written(world, tmp_path, monkeypatch) is None
    assert world.lane("one") == "done"


# What is found


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("a.py:3:1: E1 long", [("a.py", 3, "E1 long (`lint .`)")]),
        ("./a.py:3: long\nb.py:4:5 short\nnot there.py:1: x", [("a.py", 3, "long (`lint .`)"), ("b.py", 4, "short")]),
        ("/tree/a.py:3: long", [("a.py", 3, "long")]),
        ("/seen/b.py:3: long", [("b.py", 3, "long")]),
        ("E1 long\n --> a.py:3:1\n  |", [("a.py", 3, "`lint .` ended oddly\nE1 long\n --> a.py:3:1\n  |")]),
        ('  File "b.py", line 3', [("", None, '`lint .` ended oddly\nFile "b.py", line 3')]),
        ("c.py:3: no such file\n../a.py:1: x\na.py:0: x", [("", None, "`lint .` ended oddly\nc.py")]),
        ("", [("", None, "`lint .` ended oddly")]),
    ],
)
def test_a_place_is_one_of_a_file_in_the_worktree(
    tmp_path: Path, said: str, found: list[tuple[str, int | None, str]]
) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("x\n")
    failed = Failed(("lint", "."), "ended oddly", said.replace("/tree", str(tmp_path)))
    findings = findings_of([failed], tmp_path, [Path("/seen")])
    assert [(each.path, each.line) for each in findings] == [(path, line) for path, line, _ in found]
    assert all(each.text.startswith(text) for each, (_, _, text) in zip(findings, found, strict=True))


def test_a_flood_of_findings_is_cut(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x\n")
    failed = Failed(("lint",), "ended", "".join(f"a.py:{n}: wrong\n" for n in range(1, 200)))
    findings = findings_of([failed], tmp_path, ())
    assert len(findings) == 50 and findings[-1].text == "and 150 lines more of the like"
