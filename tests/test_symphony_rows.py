"""The page on Symphony, row by row: each row of the specification has tests, and each test of it a row."""

import ast
import functools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/symphony.md").read_text()
# How many rows each part of section 17 has at the commit that the page names.
ROWS = {"17.1": 16, "17.2": 12, "17.3": 12, "17.4": 15, "17.5": 21, "17.6": 6, "17.7": 6, "17.8": 4}
VERDICTS = {"kept", "differently"}


class Row(NamedTuple):
    number: str
    verdict: str
    how: str
    tests: tuple[tuple[str, str], ...]  # (file, function)


def named_in(cell: str) -> tuple[tuple[str, str], ...]:
    found = [re.fullmatch(r"`(\w+)`: (.+)|(.+)", each.strip()) for each in cell.split(";")]
    file, named = "", list[tuple[str, str]]()
    for each in found if cell else ():
        assert each is not None, cell
        file = each[1] or file
        named.append((f"test_{file}.py", f"test_{(each[2] or each[3]).replace(' ', '_')}"))
    return tuple(named)


def table() -> list[Row]:
    rows = []
    for line in PAGE.split("\n"):
        if re.match(r"\| 17\.\d\.", line):
            number, _, verdict, how, tests = (cell.strip() for cell in line.strip("|").split(" | "))
            rows.append(Row(number, verdict, how, named_in(tests)))
    return rows


@functools.cache
def functions(file: str) -> frozenset[str]:
    place = ROOT / "tests" / file
    tree = ast.parse(place.read_text()) if place.is_file() else ast.Module([], [])
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_every_row_of_the_specification_has_a_verdict_and_its_tests() -> None:
    rows = table()
    assert [row.number for row in rows] == [f"{part}.{n}" for part, many in ROWS.items() for n in range(1, many + 1)]
    for row in rows:
        assert row.verdict in VERDICTS, row
        assert row.verdict == "kept" or row.how, f"{row.number} does not say how"
        assert row.tests, row
        for file, name in row.tests:
            assert name in functions(file), f"{row.number} names {name}, which {file} does not have"


def test_every_test_of_symphony_is_named_in_a_row() -> None:
    beyond = PAGE.split("### Beyond the matrix")[1].strip().split("\n")[2:]
    named = {test for row in table() for test in row.tests}
    named |= {test for line in beyond for test in named_in(line.strip("|").split(" | ")[1])}
    files = sorted(path.name for path in (ROOT / "tests").glob("test_symphony*.py"))
    there = {(file, name) for file in files for name in functions(file) if name.startswith("test_")}
    assert there - named == set()
    assert {(file, name) for file, name in named if name not in functions(file)} == set()


def test_the_profile_of_the_queue_says_what_the_specification_asks_of_one() -> None:
    profile = PAGE.split("## The queue as a tracker")[1].split("\n## ")[0]
    for part in ("configuration", "scope", "states", "normalisation", "eligibility", "tools", "errors"):
        assert re.search(rf"^\| {part} \| .{{20,}} \|$", profile, re.MULTILINE), part


def test_a_test_has_a_home_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(Path.home()) == os.environ["HOME"]
    assert not (Path.home() / ".gitconfig").exists() or "Ann" in (Path.home() / ".gitconfig").read_text()
    assert Path.home() != Path("/root") and "factory" not in str(tmp_path)


def test_what_is_skipped_says_why() -> None:
    for path in sorted((ROOT / "tests").glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("pytest.mark.skipif", "pytest.skip"):
                said = {keyword.arg for keyword in node.keywords}
                assert "reason" in said or (ast.unparse(node.func) == "pytest.skip" and node.args), (
                    f"{path}:{node.lineno}"
                )


def test_what_fails_in_ci_fails_the_job(tmp_path: Path) -> None:
    (tmp_path / "test_bad.py").write_text("def test_bad() -> None:\n    assert False\n")
    run = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", str(tmp_path)]
    assert subprocess.run(run, cwd=tmp_path, capture_output=True, check=False).returncode == 1
    assert "set -e" in (ROOT / ".ci/run").read_text()
