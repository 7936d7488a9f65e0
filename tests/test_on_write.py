"""Commands that run after each file that an agent writes: it is told of those that fail, where its kind can do that."""

import json
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.test_agent_sessions import program
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


class Told(NamedTuple):
    matcher: str
    timeout: int
    status: int
    out: str
    err: str


def written(
    world: World, place: Path, monkeypatch: pytest.MonkeyPatch, *commands: list[str]
) -> tuple[Told, ...] | None:
    """What an agent is told once it has written a file; None where it has no settings."""
    program(place / "bin", monkeypatch, "claude", _CLAUDE)
    world.policy("agents: {it: {kind: claude}}")
    world.contract("scripted", worker={"agent": "it", **({"on_write": list(commands)} if commands else {})})
    world.item("one")
    world.tick()
    assert world.lane("one") == "done", world.last("one")
    found = json.loads(world.git("show", "main:told.json"))
    return None if found is None else tuple(Told(*each) for each in found)


def test_an_agent_is_told_what_a_command_says_that_fails_and_nothing_of_one_that_passes(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = ["sh", "-c", "cat a.txt; echo \"'is not right'\" >&2; exit 1"]
    tools = "Edit|MultiEdit|Write|NotebookEdit"
    told = written(world, tmp_path, monkeypatch, fails, ["echo", "well"], ["no-such-program"])
    assert told is not None
    assert told[:2] == (Told(tools, 60, 2, "", "wrong'is not right'\n"), Told(tools, 60, 0, "", ""))
    assert told[2].status == 2 and "no-such-program" in told[2].err


def test_each_word_of_a_command_is_one_word_and_no_template(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["$HOME", "a b", "it's", "; rm a.txt", "{{ item.id }}", "--", "*"]
    told = written(world, tmp_path, monkeypatch, ["sh", "-c", 'printf "%s\\n" "$@"; exit 1', "sh", *words])
    assert told is not None and told[0].err.splitlines() == words


def test_of_a_long_text_it_is_told_the_end(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = written(world, tmp_path, monkeypatch, ["sh", "-c", "seq 100000; echo the end; exit 1"])
    assert told is not None and len(told[0].err) == 4000 and told[0].err.endswith("the end\n")


def test_without_commands_it_is_started_as_ever(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert written(world, tmp_path, monkeypatch) is None


@pytest.mark.parametrize(
    ("worker", "said"),
    [
        ("agent: other", "has no effect on the agent 'other', which is of the kind codex; only claude can do this"),
        ("agent: [it, other]", "has no effect on the agent 'other', which is of the kind codex; only claude can do"),
        ("role: work", "has no effect on the agent 'other', which is of the kind codex; only claude can do this"),
        ("run: [sh, work.sh]", "has no effect on a command; only claude can do this"),
        ("agent: it", ""),
    ],
)
def test_check_says_where_it_has_no_effect(world: World, worker: str, said: str) -> None:
    world.policy("agents: {it: {kind: claude}, other: {kind: codex}}\nroles: {work: [it, other]}")
    world.write("contracts/made.yaml", f"purpose: p\nworker:\n  {worker}\n  on_write: [[ruff, check]]\n")
    told = world.command("check")
    assert (f"contracts/made.yaml:4:3: worker.on_write: {said}" in told) if said else ("on_write" not in told)
