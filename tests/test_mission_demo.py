"""The demo of missions, as a newcomer runs it, up to the end of its own advice."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from factory.execution.cell.pool import cells_root
from tests.histories import bare
from tests.test_audit_honest import findings
from tests.test_demo import run

FACTORY = (sys.executable, "-m", "factory")


class Seen(NamedTuple):
    """The demo after its run: where it lies, and what it said."""

    shop: Path
    said: str

    def part(self, number: int) -> str:
        """What it said in one of its parts."""
        return self.said.partition(f"\n{number}. ")[2].partition(f"\n{number + 1}. ")[0]

    def git(self, *arguments: str) -> str:
        return run("git", *arguments, cwd=self.shop)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("demo")
    yield Seen(folder / "shop", run(*FACTORY, "demo", "--mission", "shop", cwd=folder))


def test_what_the_demo_decides_in_the_readers_place_are_two_lines_that_it_names(seen: Seen) -> None:
    edits = re.findall(r"edits it in your place\. shop/(\S+), line (\d+):\n\n +- (.+)\n +\+ (.+)\n", seen.said)
    assert [path for path, *_ in edits] == ["queue/blocked/shop.answers.yaml", "queue/review/shop.human.verdict.yaml"]
    for path, number, before, after in edits:
        name = path.rpartition("/")[2]
        taken = seen.git("log", "--format=%H", "--diff-filter=AM", "--", path).split()
        lines = [seen.git("show", f"{commit}:{path}").splitlines()[int(number) - 1] for commit in reversed(taken)]
        assert lines == [before, after], name
    assert "cents: whole cents" in seen.part(1)
    assert "12 assertions (7 by a check, 5 by user testing)" in seen.part(2)


def test_what_tests_and_scrutiny_let_pass_a_visitor_finds_and_only_that_is_tried_again(seen: Seen) -> None:
    assert "three apples are 1.05 by the API, and the page says 1.5" in seen.part(3)
    assert seen.part(3).index("CART-1, CART-2, CART-3") < seen.part(3).index("FAILED: CART-4")
    kept = re.search(r"evidence is kept in (\S+):", seen.part(4))
    assert kept is not None
    evidence = (seen.shop / kept[1]).read_text()
    assert "GET /carts/ann" in evidence and "Total: 1.5<" in evidence
    assert "shop.fix-1 put it right; shop.m1.testing.cart-2 tried CART-4 again, alone." in seen.part(4)


def test_all_of_it_was_proven_at_the_end_and_the_evidence_lies_where_the_table_says(seen: Seen) -> None:
    [day] = (seen.shop / "artifacts/done").glob("*/shop")
    closed = json.loads((day / "journal.jsonl").read_text().splitlines()[-1])
    assert (closed["event"], closed["reason"]) == ("close", "all 12 assertions passed")
    rows = re.findall(r"^([A-Z]+-\d) +(\w+) .* (artifacts/\S+)", seen.part(6), re.MULTILINE)
    assert len(rows) == 12
    assert [key for key, state, _ in rows if state != "passed"] == ["CART-3"]
    assert all((seen.shop / path).is_file() for *_, path in rows)


def test_every_step_of_it_holds_in_the_audit_and_nothing_is_left_of_it(seen: Seen, tmp_path: Path) -> None:
    assert findings(seen.shop) == []
    assert findings(bare(seen.shop, tmp_path / "bare.git")) == []
    assert seen.git("status", "--porcelain") == ""
    assert seen.git("worktree", "list").count("\n") == 1
    assert not [each for each in _alive(seen.shop) if b"-m\0shop" in each]


def test_what_is_broken_by_hand_is_noticed_and_the_advice_puts_it_right(seen: Seen) -> None:
    assert "shop.guard looked again at what is guarded; found: CART-3 failed." in seen.part(5)
    assert "shop.guard.fix-1 lies in queue/inbox/shop.guard.fix-1.yaml" in seen.part(5)
    assert re.search(r"put right by  \S*factory -C shop tick --drain$", seen.said, re.MULTILINE)
    run(*FACTORY, "tick", "--drain", cwd=seen.shop)
    assert "line.cents * line.quantity" in (seen.shop / "shop/cart.py").read_text()
    assert json.loads(run(*FACTORY, "status", "--json", cwd=seen.shop))["items"] == []
    run(sys.executable, "-m", "unittest", "discover", "-q", "-s", "tests", "-t", ".", cwd=seen.shop)
    assert findings(seen.shop) == []


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
