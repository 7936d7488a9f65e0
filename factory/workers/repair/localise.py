"""Owns the guess of where the fault is: the lines that failing tests run and passing tests do not."""

import ast
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TestRecord:
    """One test as it ran: did it pass, was it cut short, which lines of the program did it run."""

    name: str
    passed: bool
    overdue: bool
    seconds: float
    lines: frozenset[int]

    __test__ = False  # pytest would take the name for a test class


@dataclass(frozen=True)
class Suspicion:
    """How much each line is suspected, from 0 to 1; every line alike where nothing is known."""

    by_line: dict[int, float]
    known: bool

    def of(self, line: int) -> float:
        """The suspicion of one line, as the factor by which its edits are likelier."""
        if not self.known:
            return 1.0
        suspected = self.by_line.get(line, 0.0)
        return 0.35 + 0.65 * suspected if suspected else 0.0


def read_records(path: Path) -> list[TestRecord]:
    """The tests that a run wrote down; one that was begun and never ended counts as cut short."""
    records: list[TestRecord] = []
    begun = ""
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        entry = json.loads(line)
        begun = entry.get("begun", "")
        if "name" in entry:
            lines = frozenset(entry["lines"])
            records.append(TestRecord(entry["name"], entry["passed"], entry["overdue"], entry["seconds"], lines))
    if begun:
        records.append(TestRecord(begun, False, True, 0.0, frozenset()))
    return records


def suspicion(records: Iterable[TestRecord], loaded: frozenset[int], spread: dict[int, int]) -> Suspicion:
    """Ochiai's measure for each line; `spread` maps each line to the first line of the statement it is part of."""
    tests = [({spread.get(line, line) for line in record.lines}, record.passed) for record in records]
    failing = [lines for lines, passed in tests if not passed]
    passing = [lines for lines, passed in tests if passed]
    ran = set().union(*failing) if failing else set()
    at_load = {spread.get(line, line) for line in loaded}
    if not ran and not at_load:
        return Suspicion({}, False)
    score: dict[int, float] = {}
    for line in ran | at_load:
        failed = sum(line in lines for lines in failing) or (len(failing) if line in at_load else 0)
        passed = sum(line in lines for lines in passing) or (len(passing) if line in at_load else 0)
        score[line] = failed / math.sqrt(max(1, len(failing)) * max(1, failed + passed))
    for line, first in spread.items():
        if first in score:
            score.setdefault(line, score[first])
    return Suspicion(score, any(failing))


def statement_lines(tree: ast.AST) -> dict[int, int]:
    """For each line of the program, the first line of the innermost statement that it belongs to."""
    spread: dict[int, int] = {}
    for node in ast.walk(tree):  # outer statements come before inner ones
        if not isinstance(node, ast.stmt):
            continue
        body = getattr(node, "body", None)
        last = body[0].lineno - 1 if body else node.end_lineno or node.lineno
        spread.update(dict.fromkeys(range(node.lineno, max(last, node.lineno) + 1), node.lineno))
    return spread
