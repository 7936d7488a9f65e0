"""The demo of missions, as a newcomer runs it, up to the end of its own advice."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from factory.execution.cell.pool import cells_root
from tests.histories import bare
from tests.test_audit_honest import findings
from tests.test_demo import run

FACTORY = (sys.executable, "-m", "factory")
RESTING = ("CART-1", "CART-2", "CART-4", "CART-5", "STOCK-1")  # on the file that is broken by hand, besides CART-3


class Seen(NamedTuple):
    """The demo after its run: where it lies, and what it said."""

    shop: Path
    said: str

    def part(self, number: int) -> str:
        """What it said in one of its parts."""
        return self.said.partition(f"\n{number}. ")[2].partition(f"\n{number + 1}. ")[0]

    def git(self, *arguments: str) -> str:
        return run("git", *arguments, cwd=self.shop)


def test_the_demo_carries_a_mission_from_a_wish_to_proven_work_and_its_advice_ends_it(tmp_path: Path) -> None:
    # given a newcomer who runs the demo
    seen = Seen(tmp_path / "shop", run(*FACTORY, "demo", "--mission", "shop", cwd=tmp_path))
    # then it names the lines that it has edited, the defect with its evidence, and who judged what
    decides_by_two_lines_that_it_names(seen)
    shows_what_a_visitor_found_and_that_only_this_is_tried_again(seen)
    shows_what_was_proven_and_where_the_evidence_lies(seen)
    # and its whole history holds, here and in a bare clone, with nothing left at work
    assert findings(seen.shop) == []
    assert findings(bare(seen.shop, tmp_path / "bare.git")) == []
    assert seen.git("status", "--porcelain") == ""
    assert seen.git("worktree", "list").count("\n") == 1
    assert _alive(seen.shop) == []
    # and what was broken by hand is noticed, and put right when the reader follows the advice
    notices_what_is_broken_and_its_advice_puts_it_right(seen)
    assert findings(seen.shop) == []


def decides_by_two_lines_that_it_names(seen: Seen) -> None:
    edits = re.findall(r"edits it in your place\. shop/(\S+), line (\d+):\n\n +- (.+)\n +\+ (.+)\n", seen.said)
    assert [path for path, *_ in edits] == ["queue/blocked/shop.answers.yaml", "queue/review/shop.human.verdict.yaml"]
    for path, number, before, after in edits:
        name = path.rpartition("/")[2]
        taken = seen.git("log", "--format=%H", "--diff-filter=AM", "--", path).split()
        lines = [seen.git("show", f"{commit}:{path}").splitlines()[int(number) - 1] for commit in reversed(taken)]
        assert lines == [before, after], name
    assert "cents: whole cents" in seen.part(1)
    assert "12 assertions (7 by a check, 5 by user testing)" in seen.part(2)


def shows_what_a_visitor_found_and_that_only_this_is_tried_again(seen: Seen) -> None:
    assert "three apples are 1.05 by the API, and the page says 1.5" in seen.part(3)
    assert "shop.m1.scrutiny: review -> accepted (run 1): nothing was found" in seen.part(3).partition("CART-4")[0]
    kept = re.search(r"evidence is kept in (\S+):", seen.part(4))
    assert kept is not None
    evidence = (seen.shop / kept[1]).read_text()
    assert "GET /carts/ann" in evidence and "Total: 1.5<" in evidence
    assert "shop.fix-1 put it right; shop.m1.testing.cart-2 tried CART-4 again, alone." in seen.part(4)


def shows_what_was_proven_and_where_the_evidence_lies(seen: Seen) -> None:
    [day] = (seen.shop / "artifacts/done").glob("*/shop")
    closed = json.loads((day / "journal.jsonl").read_text().splitlines()[-1])
    assert (closed["event"], closed["reason"]) == ("close", "all 12 assertions passed")
    report = re.search(r"^In the end all 12 assertions passed: (\S+)$", seen.said, re.MULTILINE)
    assert report is not None and "# The mission shop" in (seen.shop / report[1]).read_text()
    rows = re.findall(r"^([A-Z]+-\d) +(\w+) .* (artifacts/\S+)", seen.part(6), re.MULTILINE)
    assert len(rows) == 12
    states = {key: state for key, state, _ in rows if state != "passed"}
    assert states == {"CART-3": "failed", **dict.fromkeys(RESTING, "stale")}
    assert all((seen.shop / path).is_file() for *_, path in rows)


def notices_what_is_broken_and_its_advice_puts_it_right(seen: Seen) -> None:
    assert "shop.guard looked again at what is guarded; found: CART-3 failed." in seen.part(5)
    assert "shop.guard.fix-1 lies in queue/inbox/shop.guard.fix-1.yaml" in seen.part(5)
    assert re.search(r"put right by  \S*factory -C shop tick --drain$", seen.said, re.MULTILINE)
    run(*FACTORY, "tick", "--drain", cwd=seen.shop)
    assert "line.cents * line.quantity" in (seen.shop / "shop/cart.py").read_text()
    known = json.loads(run(*FACTORY, "mission", "assertions", "shop", "--json", cwd=seen.shop))
    assert {each["state"] for each in known} == {"passed"}
    assert json.loads(run(*FACTORY, "status", "--json", cwd=seen.shop))["items"] == []
    run(sys.executable, "-m", "unittest", "discover", "-q", "-s", "tests", "-t", ".", cwd=seen.shop)


def test_without_bubblewrap_it_works_as_well_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "bin/bwrap"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    seen = Seen(tmp_path / "shop", run(*FACTORY, "demo", "--mission", "shop", cwd=tmp_path))
    assert "WITHOUT A SANDBOX" in seen.said
    assert "three apples are 1.05 by the API, and the page says 1.5" in seen.part(3)
    assert "all 12 assertions passed" in seen.part(4)
    assert "shop.guard looked again at what is guarded; found: CART-3 failed." in seen.part(5)
    assert findings(seen.shop) == []
    assert _alive(seen.shop) == []


def test_an_interrupt_ends_it_without_a_word_of_python_and_leaves_nothing_at_work(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [*FACTORY, "demo", "--mission", "shop"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert demo.stdout is not None and demo.stderr is not None
    with demo.stdout, demo.stderr:
        for line in demo.stdout:
            if "shop: inbox -> active" in line:
                demo.send_signal(signal.SIGINT)
                break
        told = demo.stdout.read() + demo.stderr.read()
    assert demo.wait(60) == 130
    assert "Traceback" not in told
    assert _alive(tmp_path / "shop") == []


def _alive(shop: Path) -> list[bytes]:
    """The command lines of what still works in a cell of the demo."""
    place = os.fsencode(cells_root(shop / ".git", None))
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if place in (each / "environ").read_bytes():
                found.append((each / "cmdline").read_bytes())
        except OSError:
            pass  # it has ended
    return found
