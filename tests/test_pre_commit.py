"""The hook for pre-commit, installed and run by pre-commit itself."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.world import World

_ROOT = Path(__file__).parents[1]
_OURS = ("factory", "pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml")
_NO_INDEX = re.compile(r"No matching distribution|Temporary failure|connection broken|Retrying", re.IGNORECASE)


def _source(place: Path) -> str:
    """This project as a repository that pre-commit can clone, and the commit."""
    place.mkdir()
    for name in _OURS:
        if (_ROOT / name).is_dir():
            shutil.copytree(_ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(_ROOT / name, place / name)
    source = World(place)
    source.git("init", "-q")
    return source.commit("Ours")


def test_pre_commit_names_what_is_wrong_in_what_is_staged(world: World, tmp_path: Path) -> None:
    commit = _source(tmp_path / "source")
    hook = f"- {{repo: {tmp_path / 'source'}, rev: {commit}, hooks: [{{id: factory-check}}]}}"
    world.write(".pre-commit-config.yaml", f"repos:\n{hook}\n")
    world.write("queue/inbox/good.yaml", "title: x\ncontract: scripted\n")
    world.write("program.py", "print('other')\n")
    world.git("add", "-A")
    world.write("queue/inbox/unstaged.yaml", "titel: not yet\n")
    env = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "home")}

    def run() -> tuple[int, str]:
        argv = [sys.executable, "-m", "pre_commit", "run", "--color", "never"]
        done = subprocess.run(argv, cwd=world.root, env=env, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    status, said = run()
    if _NO_INDEX.search(said):
        pytest.skip("what this program needs cannot be installed")
    assert (status, "Passed" in said) == (0, True), said
    # when what is staged has a mistake, it is named
    world.write("queue/inbox/bad.yaml", "titel: x\n")
    world.git("add", "queue/inbox/bad.yaml")
    status, said = run()
    assert status == 1
    assert "queue/inbox/bad.yaml:1:1: unknown key 'titel'; did you mean 'title'?" in said
    assert "unstaged" not in said
    # and what is none of the factory's files asks for no look
    world.git("reset", "-q")
    world.git("add", "program.py", ".pre-commit-config.yaml")
    status, said = run()
    assert (status, "Skipped" in said) == (0, True), said
