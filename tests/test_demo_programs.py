"""What the demo repository promises: every program fails as shipped, and the worker repairs what it should."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "factory" / "cli" / "demo_repository"
NAMES = sorted(path.stem for path in (DEMO / "queue" / "inbox").glob("*.yaml"))
REWORKED = "pagination"


def field(name: str, key: str) -> str:
    """The value of a one-line key of an item; the items are plain enough for this."""
    match = re.search(rf"^ *{key}: (.+)$", (DEMO / "queue" / "inbox" / f"{name}.yaml").read_text(), re.MULTILINE)
    assert match is not None, f"{name} has no {key}"
    return match.group(1)


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    folder = tmp_path / "demo"
    shutil.copytree(DEMO, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def passes(folder: Path, tests: str) -> bool:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "unittest", "-q", tests]
    try:
        return not subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=2).returncode
    except subprocess.TimeoutExpired:
        return False


def repair(folder: Path, name: str, **more: str) -> dict[str, Any]:
    out = folder.parent / "out"
    command = [sys.executable, "-m", "factory.workers.repair", field(name, "program"), "--"]
    command += [sys.executable, "-m", "unittest", "-q", field(name, "tests")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FACTORY_OUT": str(out), **more}
    subprocess.run(command, cwd=folder, env=environment, check=True, timeout=60, capture_output=True)
    result: dict[str, Any] = json.loads((out / "result.json").read_text())
    return result


def test_there_are_fourteen_items_each_for_a_program_with_tests() -> None:
    assert len(NAMES) == 14
    programs = {path.stem for path in (DEMO / "programs").glob("*.py")} - {"__init__"}
    assert set(NAMES) == programs
    for name in NAMES:
        assert (DEMO / field(name, "program")).is_file()
        assert (DEMO / "tests" / (field(name, "tests").split(".")[1] + ".py")).is_file()
        assert (DEMO / "contracts" / (field(name, "contract") + ".yaml")).is_file()
        assert field(name, "title")


@pytest.mark.parametrize("name", NAMES)
def test_every_program_fails_its_tests_as_shipped(demo: Path, name: str) -> None:
    assert not passes(demo, field(name, "tests"))


def test_the_narrow_report_leads_to_a_wrong_repair_and_the_second_round_to_a_right_one(demo: Path) -> None:
    def git(*words: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words]
        return subprocess.run(command, cwd=demo, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "demo")
    check = [sys.executable, "-m", "unittest", "-q", f"tests.test_{REWORKED}"]
    item = demo.parent / "item.json"
    item.write_text(json.dumps({"acceptance": [{"id": "A1", "text": "all", "check": check}]}))
    around = {"FACTORY_ITEM": str(item), "FACTORY_BASE": git("rev-parse", "HEAD")}

    assert repair(demo, REWORKED, FACTORY_ROUND="1", **around)["status"] == "ok"
    assert not passes(demo, f"tests.test_{REWORKED}")
    assert repair(demo, REWORKED, FACTORY_ROUND="2", **around)["status"] == "ok"
    assert passes(demo, f"tests.test_{REWORKED}")
