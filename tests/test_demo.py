"""The demo, as a newcomer runs it, up to the end of its own advice."""

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.histories import bare
from tests.test_audit_honest import findings
from tests.test_demo_programs import DEMO


def run(*arguments: str | Path, cwd: Path) -> str:
    done = subprocess.run(arguments, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_demo_ends_as_it_says_and_its_advice_finishes_the_last_item(tmp_path: Path) -> None:
    # given a newcomer who runs the demo
    said = run(sys.executable, "-m", "factory", "demo", "shop", cwd=tmp_path)
    shop = tmp_path / "shop"
    status = json.loads(run(sys.executable, "-m", "factory", "status", "--json", cwd=shop))
    open_items = {row["id"]: row for row in status["items"]}
    # then most are merged, one after a rework; the hard one is blocked for a true reason; one waits for the reader
    assert status["done_today"] >= 11
    assert [row["lane"] for row in open_items.values()].count("blocked") == 1
    assert "single edits" in next(row["note"] for row in open_items.values() if row["lane"] == "blocked")
    assert re.search(r"^\w+ +applied +2 ", said, re.MULTILINE)
    # when the reader follows the closing lines
    verdict = re.search(r"^  (\S+\.human\.verdict\.yaml)$", said, re.MULTILINE)
    assert verdict is not None
    path = tmp_path / verdict[1]
    path.write_text(path.read_text().replace("decision: pending", "decision: approve"))
    assert re.search(r"^  \S*factory -C shop tick$", said, re.MULTILINE)
    run(sys.executable, "-m", "factory", "-C", "shop", "tick", cwd=tmp_path)
    # then the last item is merged, and everything is committed
    status = json.loads(run(sys.executable, "-m", "factory", "status", "--json", cwd=shop))
    assert [row["lane"] for row in status["items"]] == ["blocked"]
    assert run("git", "status", "--porcelain", cwd=shop) == ""
    assert run("git", "worktree", "list", cwd=shop).count("\n") == 1
    # and the merged programs pass their tests, while the blocked one is as it was
    blocked = status["items"][0]["id"]
    for test in sorted((shop / "tests").glob("test_*.py")):
        done = subprocess.run(
            [sys.executable, "-m", "unittest", "-q", f"tests.{test.stem}"], cwd=shop, capture_output=True, check=False
        )
        assert (done.returncode == 0) == (test.stem != f"test_{blocked}"), test.stem
    program = f"programs/{blocked}.py"
    assert (shop / program).read_bytes() == (DEMO / program).read_bytes()
    # and its whole history holds, here and in a bare clone
    assert findings(shop) == []
    assert findings(bare(shop, tmp_path / "bare.git")) == []


def test_the_demo_leaves_a_folder_that_is_not_empty_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine\n")
    done = subprocess.run(
        [sys.executable, "-m", "factory", "demo", "."], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
