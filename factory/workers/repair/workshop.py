"""Owns the benches of one repair: their trees, the first look at the failing tests, and the tidying up."""

import json
import queue
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from factory.workers.repair import tree
from factory.workers.repair.job import Job, Refusal
from factory.workers.repair.localise import Suspicion, TestRecord, read_records, statement_lines, suspicion
from factory.workers.repair.testrun import Asked, Limits, Outcome, TestBench

FIRST_TEST_SECONDS = 0.5
SHORTEST_RUN = 0.08
# What no test that runs the program can overlook: it says that it was run, and ends.
CANARY = "open({!r}, 'w').close()\nraise SystemExit(1)\n"
_NOT_RUN = (
    "the tests do not run {program} of this worktree: `{command}` ends just the same when there is nothing in it. An "
    "installed package, or PYTHONPATH, leads them to another copy; have them run the one that lies here."
)


@dataclass(frozen=True)
class FirstLook:
    """How the program fails before anything is changed."""

    outcome: Outcome
    records: tuple[TestRecord, ...]
    suspicion: Suspicion
    limits: Limits
    reached: bool  # whether a line of the program in this tree was seen to be run

    @property
    def hung(self) -> bool:
        """Whether a test had to be stopped, so that the time a right program needs is only guessed."""
        return any(record.overdue for record in self.records)


class Workshop:
    """The folders in which candidates are tried; on leaving, the worktree's program is as it should be."""

    def __init__(self, job: Job, timeout: float, jobs: int) -> None:
        self.job = job
        self.timeout = timeout
        self.scratch = Path(tempfile.mkdtemp(prefix="repair-"))
        self.found = job.path.read_bytes()
        self.benches: list[TestBench] = []
        self.free: queue.SimpleQueue[TestBench] = queue.SimpleQueue()
        named = any(str(job.root) in word for word in job.command)
        self.copies = jobs if not named and tree.is_small(job.root) else 0
        self.home: TestBench | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
        if self.job.path.read_bytes() != self.found:
            self.write(self.job.root, self.found)

    def close(self) -> None:
        """Ends all processes and drops all copies."""
        for bench in [*self.benches, *([self.home] if self.home else [])]:
            bench.close()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def write(self, folder: Path, data: bytes) -> None:
        """Puts a text in the program's place in one of the trees."""
        path = folder / self.job.program
        path.write_bytes(data)
        tree.forget_bytecode(path)

    def open(self) -> FirstLook:
        """Sets the benches up and runs the tests once on the program as it came.

        Where copies are not what the tests run, as with an editable install, the worktree itself is worked in.
        Raises Refusal where that is not what they run either.
        """
        first = self._first_bench()
        look = self._look(first)
        if self.copies and self._overlooked(first, look):
            first.close()
            self.benches, self.free, self.copies = [], queue.SimpleQueue(), 0
            first = self._first_bench()
            look = self._look(first)
        if not self.copies and self._overlooked(first, look):
            raise Refusal("blocked", _NOT_RUN.format(program=self.job.program, command=" ".join(self.job.command)))
        for number in range(1, self.copies):
            folder = self.scratch / f"tree{number}"
            tree.copy(first.folder, folder, bytecode=True)
            self._add(TestBench(folder, self.job.command))
        modules = self._modules(first)
        for bench in self.benches:
            bench.warm(modules)
        return look

    def _add(self, bench: TestBench) -> TestBench:
        self.benches.append(bench)
        self.free.put(bench)
        return bench

    def _first_bench(self) -> TestBench:
        folder = self.job.root
        if self.copies:
            folder = self.scratch / "tree0"
            tree.copy(self.job.root, folder)
        bench = self._add(TestBench(folder, self.job.command))
        if bench.missing:
            raise Refusal("failed", f"the test command cannot run: {bench.missing}.")
        self.write(folder, self.job.source.data)
        return bench

    def _look(self, bench: TestBench) -> FirstLook:
        record = bench.scratch / "first"
        each = min(FIRST_TEST_SECONDS, self.timeout)
        program = str(bench.folder / self.job.program)
        asked = Asked(record, True, each, bool(self.copies), program)
        outcome = bench.run(self.job.command, Limits(self.timeout, self.timeout), asked)
        tree.forget_bytecode(bench.folder / self.job.program)
        records = tuple(read_records(record))
        loaded = frozenset(_entry(record, "loaded"))
        if bench.server and not loaded and not any(entry.lines for entry in records):
            self._check_reached(outcome)
        guess = suspicion(records, loaded, statement_lines(self.job.source.tree))
        lost = sum(entry.seconds for entry in records if entry.overdue)
        seconds = SHORTEST_RUN if outcome.late else min(self.timeout, max(SHORTEST_RUN, 3 * (outcome.processor - lost)))
        if bench.server is None:
            seconds = self.timeout if outcome.late else min(self.timeout, max(1.0, 5 * outcome.seconds))
        reached = bool(loaded) or any(entry.lines for entry in records)
        return FirstLook(outcome, records, guess, Limits(seconds, min(self.timeout, max(2.0, 10 * seconds))), reached)

    def _overlooked(self, bench: TestBench, look: FirstLook) -> bool:
        """Whether the tests end just the same without the program in a tree, so that they run another one."""
        if look.reached:
            return False
        mark = bench.scratch / "reached"
        self.write(bench.folder, CANARY.format(str(mark)).encode())
        try:
            asked = Asked(bench.scratch / "canary", each=min(FIRST_TEST_SECONDS, self.timeout))
            ended = bench.run(self.job.command, Limits(self.timeout, self.timeout), asked)
        finally:
            self.write(bench.folder, self.job.source.data)
        return not mark.exists() and _how(ended) == _how(look.outcome)

    def _check_reached(self, outcome: Outcome) -> None:
        lines = [line for line in outcome.output.strip().splitlines() if line.strip(" -=")]
        clues = [line for line in lines if "Error" in line] or lines[-1:]
        known = ("No module named", "has no attribute", "not found", "no tests ran", "Ran 0 tests", "cannot import")
        if any(clue in outcome.output for clue in known):
            raise Refusal("blocked", f"the test command never reached {self.job.program}: {clues[-1].strip()}")

    def _modules(self, bench: TestBench) -> Sequence[str]:
        return _entry(bench.scratch / "first", "modules")

    def confirm(self, text: str) -> str:
        """Runs every command as it was given, in the worktree itself; what does not pass, or nothing."""
        held = None if self.copies else self.free.get()  # or the next candidate would be written into the same tree
        try:
            return self._failing(text)
        finally:
            if held is not None:
                self.free.put(held)

    def _failing(self, text: str) -> str:
        if self.home is None:
            self.home = TestBench(self.job.root, ())
        self.write(self.job.root, text.encode(self.job.source.encoding))
        for command in (self.job.command, *self.job.checks):
            outcome = self.home.run_plainly(command, Limits(self.timeout, self.timeout))
            if not outcome.passed:
                self.write(self.job.root, self.found)
                return " ".join(command)
        return ""

    def keep(self, text: str) -> None:
        """Leaves this text in the worktree for good."""
        self.found = text.encode(self.job.source.encoding)
        self.write(self.job.root, self.found)


def _how(outcome: Outcome) -> tuple[int, bool, int, int]:
    return outcome.code, outcome.late, outcome.passed_tests, outcome.tests


def _entry(record: Path, key: str) -> list[Any]:
    if not record.exists():
        return []
    entries = map(json.loads, record.read_text(encoding="utf-8").splitlines())
    return next((list(entry[key]) for entry in entries if key in entry), [])
