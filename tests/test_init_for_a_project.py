"""`factory init` in a project: its own tests become the check, and a coding agent the worker, without another edit."""

import json
import shlex
import sys
from pathlib import Path

import pytest

from factory.cli.starter import tests_in as checks_for
from tests.test_agent_programs import stand_in
from tests.test_agent_sessions import program
from tests.world import World

_RECORDED = Path(__file__).parent / "fixtures/agent_cli"


def lay(root: Path, *names: str) -> None:
    """Files of a project; what they hold is behind a colon."""
    for name in names:
        path, _, text = name.partition(":")
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


_PACKAGE = "package.json:" + json.dumps({"scripts": {"test": "node --test"}})
_UNTESTED = "package.json:" + json.dumps({"scripts": {"test": 'echo "Error: no test specified" && exit 1'}})


@pytest.mark.parametrize(
    ("names", "run"),
    [
        (("pyproject.toml", "tests/test_a.py"), ("python", "-m", "pytest", "-q")),
        (("setup.py", "test_a.py"), ("python", "-m", "pytest", "-q")),
        (("setup.py", "test/a.py", ".venv/bin/python"), (".venv/bin/python", "-m", "pytest", "-q")),
        ((_PACKAGE,), ("npm", "test")),
        (("go.mod",), ("go", "test", "./...")),
        (("Cargo.toml",), ("cargo", "test", "--offline")),
        (("Makefile:all:\n\ntest: all\n\ttrue\n",), ("make", "test")),
        (("go.mod", "Makefile:test:\n"), ("go", "test", "./...")),
    ],
    ids=str,
)
def test_the_usual_tool_of_a_language_runs_its_tests(
    tmp_path: Path, names: tuple[str, ...], run: tuple[str, ...]
) -> None:
    lay(tmp_path, *names)
    found = checks_for(tmp_path)
    assert found is not None and found.run == run


@pytest.mark.parametrize(
    "names",
    [(), ("pyproject.toml",), (_UNTESTED,), ("package.json:{",), ("package.json:[]",), ("Makefile:all:\n",)],
    ids=str,
)
def test_where_none_are_seen_nothing_is_made_up(tmp_path: Path, names: tuple[str, ...]) -> None:
    lay(tmp_path, *names)
    assert checks_for(tmp_path) is None


def test_an_agent_works_without_another_edit(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for laid in ("WORKFLOW.md", "contracts/scripted.yaml", "contracts/reviewed.yaml"):
        (world.root / laid).unlink(missing_ok=True)
    lay(world.root, "Makefile:test:\n\ttest ! -e wrong.txt\n")
    said = world.command("init", "--agent", "claude")
    assert "npm install -g @anthropic-ai/claude-code" in said and "export ANTHROPIC_API_KEY=…" in said
    assert "network: [api.anthropic.com]}" in world.read("WORKFLOW.md")
    world.commit("A factory")
    assert "all files are valid" in world.command("check")
    printed = (_RECORDED / "claude.ok.out").read_bytes()
    stand_in(tmp_path / "bin", monkeypatch, "claude", printed, 0, "echo x > a.txt")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-0123456789012345")
    world.write("queue/inbox/one.yaml", "title: Write a file\n")
    world.tick()
    assert world.lane("one") == "review"
    assert "+x" in world.artifacts("one")["run-1/patch.diff"]
    evidence = json.loads(world.artifacts("one")["run-1/evidence.json"])
    assert ["make", "test"] in [ran["run"] for ran in evidence["ran"]]
    assert "Write a file" in world.artifacts("one")["run-1/prompt.md"]


def begun(world: World, *words: str) -> str:
    """Begin anew with an agent, whose key is there; what is said."""
    for laid in ("WORKFLOW.md", "contracts/scripted.yaml", "contracts/reviewed.yaml"):
        (world.root / laid).unlink(missing_ok=True)
    said = world.command("init", "--agent", *words)
    world.commit("A factory")
    assert "all files are valid" in world.command("check")
    world.write("queue/inbox/one.yaml", "title: Write a file\n")
    return said


def test_an_app_server_works_without_another_edit(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = begun(world, "codex-app-server")
    assert "npm install -g @openai/codex" in said and "export OPENAI_API_KEY=…" in said
    agent = "{kind: codex-app-server, secrets: [OPENAI_API_KEY], network: [api.openai.com]}"
    assert f"\nagents:\n  solver: {agent}\n" in world.read("WORKFLOW.md")
    server = shlex.join([sys.executable, str(Path(__file__).with_name("app_server.py")), "delivers"])
    program(tmp_path / "bin", monkeypatch, "codex", f'#!/bin/sh\n[ "$*" = app-server ] && exec {server}\n')
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789012345")
    world.tick()
    assert world.lane("one") == "review", world.last("one")
    assert json.loads(world.artifacts("one")["run-1/result.json"])["summary"] == "It is done"
    prompt = world.artifacts("one")["run-1/prompt.md"]
    assert "Write a file" in prompt and "queue_item with action ask" in prompt and "with action deliver" in prompt
    assert "end your last message" not in prompt and "```" not in prompt  # it has a tool for that


def test_an_agent_of_the_protocol_works_with_its_command_alone(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("acp")
    line = shlex.join([sys.executable, str(Path(__file__).with_name("acp_agent.py")), "works"])
    said = begun(world, "acp", "--agent-command", line)
    assert "say in WORKFLOW.md which variable has its key: secrets: [NAME]" in said
    world.tick()
    assert world.lane("one") == "review", world.last("one")
    assert "+True" in world.artifacts("one")["run-1/patch.diff"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("acp",), "--agent-command goes with --agent acp"),
        (("claude", "--agent-command", "claude"), "--agent-command goes with --agent acp"),
        (("acp", "--agent-command", "a 'b"), "No closing quotation"),
        (("acp", "--agent-command", " "), "names no program"),
    ],
)
def test_a_command_is_asked_for_where_nobody_knows_it(world: World, words: tuple[str, ...], said: str) -> None:
    assert said in world.command("init", "--agent", *words, status=2)


def test_what_is_there_already_stays(world: World) -> None:
    lay(world.root, "go.mod")
    before = world.read("WORKFLOW.md")
    world.command("init", "--agent", "codex")
    assert world.read("WORKFLOW.md") == before


def test_who_asks_for_an_agent_later_is_told_the_lines_that_make_it_work(tmp_path: Path) -> None:
    # given a factory that was laid without one
    world = World(tmp_path)
    world.git("init", "-q", "-b", "main")
    world.command("init")
    world.commit("Lay down the factory")
    assert "bad   contract change: its worker is the one that init laid" in world.command("doctor", status=1)
    # when an agent is asked for, nothing changes, and there are two lines to write
    told = world.command("init", "--agent", "claude").splitlines()
    assert world.status() == ""
    worker = "worker: {agent: solver}"
    agents = "agents: {solver: {kind: claude, secrets: [ANTHROPIC_API_KEY], network: [api.anthropic.com]}}"
    assert [line.strip() for line in told if not line.startswith("  #")] == [
        "everything is there already",
        agents,
        worker,
    ]
    # then they are all that it needs
    contract = world.read("contracts/change.yaml")
    assert "factory init --agent claude" in contract
    begun, rest = contract.partition("worker:\n")[0], contract.partition("produces:")
    world.write("contracts/change.yaml", f"{begun}{worker}\n{rest[1]}{rest[2]}")
    world.write("WORKFLOW.md", world.read("WORKFLOW.md").replace("reviewers:", f"{agents}\nreviewers:", 1))
    world.commit("Let it work")
    assert world.command("check") == "all files are valid\n"
    assert "init laid" not in world.command("doctor", status=None)
