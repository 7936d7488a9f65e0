"""`factory init` in a project: its own tests become the check, and a coding agent the worker, without another edit."""

import json
from pathlib import Path

import pytest

from factory.cli.starter import tests_in as checks_for
from tests.test_agent_programs import stand_in
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


def test_what_is_there_already_stays(world: World) -> None:
    lay(world.root, "go.mod")
    before = world.read("WORKFLOW.md")
    world.command("init", "--agent", "codex")
    assert world.read("WORKFLOW.md") == before
