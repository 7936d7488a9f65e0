"""A Symphony user moves over: their WORKFLOW.md with what docs/symphony.md says to change, to a merged change."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from factory.store.library import read_workflow, workflow_warnings
from tests.world import World

ROOT = Path(__file__).parent.parent
EXAMPLE = (ROOT / "tests/fixtures/symphony_cloning.md").read_text()
URL = "https://git.example.org/some/project"
GUIDE = (ROOT / "docs/symphony.md").read_text()
MISE = """echo "mise $*" >> "$LOG"
test "$1" = exec || exit 0
shift 2
exec "$@"
"""
GH = """echo "gh $*" >> "$LOG"
case "$1 $2" in
"pr merge") git push -q origin "HEAD:main" ;;
esac
"""
# What an agent would do in the workspace, which it knows from its prompt alone.
CODEX = """
issue=$(sed -n 's/^Identifier: //p' "$FACTORY_PROMPT")
echo "$(basename "$PWD") $issue" >> "$LOG"
git switch -q -c "agent/$issue"
grep '^Title: ' "$FACTORY_PROMPT" > change.txt
git add change.txt && git commit -q -m "Do $issue"
git push -q origin "agent/$issue"
gh pr create --fill && gh pr merge --squash
cp told.jsonl "$LOG.told"
"""
# It talks as an app-server does, and does that in its one turn.
SERVER = """import os, sys
sys.path.insert(0, {root!r})
from tests import app_server
os.environ["LOG"] = {log!r}
app_server.PARTS = {{"merges": [[{{"do": {script!r}}}, app_server.DELIVER, app_server.END]]}}
with open({log!r}, "a") as log:
    log.write("codex " + " ".join(sys.argv[1:]) + "\\n")
app_server.Server("merges", "").serve()
"""


def moved(text: str) -> str:
    """The file with what the guide's first block of YAML says to set."""
    block = re.search(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    assert block is not None
    assert "tracker: {kind: queue}" in block[1]  # and each other line is one to be added
    for line in block[1].strip().split("\n"):
        key, _, value = line.partition("#")[0].strip().partition(": ")
        match key:
            case "tracker":
                text = text.replace("  kind: linear\n", "  kind: queue\n")
            case "workspace":
                text = text.replace("workspace:\n", f"workspace:\n  {value.strip('{}')}\n")
            case _:
                text = text.replace("---\n", f"---\n{key}: {value}\n", 1)
    return text


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bare repository where the example's URL leads, and stand-ins for the programs that it needs."""
    bare, programs = tmp_path / "project.git", tmp_path / "programs"
    programs.mkdir()
    given = f"LOG={shlex.quote(str(tmp_path / 'log'))}\n"
    for name, script in {"mise": MISE, "gh": GH, "mix": 'echo "mix $*" >> "$LOG"\n'}.items():
        (programs / name).write_text(f"#!/bin/sh\nset -e\n{given}{script}")
        (programs / name).chmod(0o755)
    server = SERVER.format(root=str(ROOT), log=str(tmp_path / "log"), script=CODEX)
    (programs / "codex").write_text(f"#!{sys.executable}\n{server}")
    (programs / "codex").chmod(0o755)
    first = World(tmp_path / "first")
    first.root.mkdir()
    first.git("init", "-q", "-b", "main")
    first.write("elixir/mix.exs", "# a project\n")
    first.commit("The project")
    subprocess.run(["git", "clone", "-q", "--bare", first.root, bare], check=True)
    settings = tmp_path / "settings"
    settings.write_text(f'[url "file://{bare}"]\n\tinsteadOf = {URL}\n[user]\n\tname = Agent\n\temail = a@b.c\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return bare


def test_the_example_needs_no_more_than_the_guide_says() -> None:
    assert "  kind: queue\n" in moved(EXAMPLE)
    found = read_workflow(moved(EXAMPLE).encode())
    assert (found.policy.template, found.policy.workspace.keep) == ("liquid", True)
    assert found.policy.workspace.root == "~/code/some-workspaces"
    assert [route.contract for route in found.policy.routes] == ["symphony"]
    assert [line for line in workflow_warnings(moved(EXAMPLE).encode()) if "unknown" in line] == []


def test_it_runs_to_a_change_that_is_pushed_and_merged(world: World, project: Path, tmp_path: Path) -> None:
    # given the user's file, with its lines changed; here the place that is pushed to is a folder of this machine
    world.write("WORKFLOW.md", moved(EXAMPLE).replace("---\n", "---\nsandbox: 'off'\n", 1))
    world.commit("Move over from Symphony")
    world.contract(
        "symphony",
        worker={"agent": "solver", "env": ["GIT_CONFIG_GLOBAL"]},
        produces={"patch": {"required": False}},
        apply={"mode": "none"},
    )
    assert "WORKFLOW.md" in world.factory("check", status=None)
    # when an issue is put into the queue
    world.write("queue/inbox/abc-1.yaml", "title: Mend the door\nlabels: [Bug]\ndescription: It creaks.\n")
    world.tick()
    # then its branch is on the remote, and merged
    assert world.lane("abc-1") == "done", world.last("abc-1")
    remote = World(project)
    assert remote.git("log", "-1", "--format=%s", "main") == "Do abc-1"
    assert remote.git("rev-parse", "agent/abc-1") == remote.git("rev-parse", "main")
    assert remote.git("show", "main:change.txt") == "Title: Mend the door"
    # and the hooks ran where Symphony runs them: once to fill the workspace, once before it goes
    world.tick()
    log = (tmp_path / "log").read_text().split("\n")
    assert [line for line in log if line.startswith("mix ")] == ["mix deps.get", "mix workspace.before_remove"]
    assert "codex --config shell_environment_policy.inherit=all --model some-model app-server" in log
    told = [json.loads(line) for line in (tmp_path / "log.told").read_text().splitlines()]
    thread = next(each["params"] for each in told if each.get("method") == "thread/start")
    assert (Path(thread["cwd"]).name, thread["approvalPolicy"], thread["sandbox"]) == (
        "abc-1",
        "never",
        "workspace-write",
    )
    assert "abc-1 abc-1" in log and "gh pr merge --squash" in log
    assert not list(Path("~/code/some-workspaces").expanduser().glob("*/items/*"))
    prompt = world.artifacts("abc-1")["run-1/prompt.md"]
    assert "Current status: Todo\nLabels: bug\nURL: \n" in prompt and "It creaks." in prompt
    assert "This is attempt" not in prompt
