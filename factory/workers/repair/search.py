"""Owns the search: candidates tried in their order, several at a time, until one passes everything."""

import collections
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from factory.workers.repair.job import Job
from factory.workers.repair.mutations import Candidate, candidates
from factory.workers.repair.progress import say
from factory.workers.repair.testrun import Limits, Outcome, TestBench
from factory.workers.repair.workshop import FirstLook, Workshop

AHEAD = 8
RETRY_SECONDS = 15.0
PROGRESS_SECONDS = 2.0


@dataclass(frozen=True)
class Budget:
    """How much a search may cost."""

    edits: int
    ends_at: float


@dataclass(frozen=True)
class Trial:
    """A candidate and what became of it; `failed_check` names the command that it did not pass."""

    candidate: Candidate
    outcome: Outcome
    failed_check: str = ""

    @property
    def passed(self) -> bool:
        """Whether the candidate passed every command."""
        return not self.failed_check


@dataclass
class Search:
    """The course of a search."""

    trials: list[Trial] = field(default_factory=list)
    skipped: int = 0
    rejected: Candidate | None = None
    winner: Trial | None = None
    limit: str = ""
    retried: int = 0


class Searcher:
    """Tries candidates on the benches of a workshop."""

    def __init__(self, job: Job, shop: Workshop, look: FirstLook, budget: Budget) -> None:
        self.job = job
        self.shop = shop
        self.look = look
        self.budget = budget
        self.search = Search()
        self.told_at = time.monotonic()

    def run(self) -> Search:
        """The whole search; its result stands confirmed in the worktree, or nothing is changed."""
        started = self._offered()
        self.search.winner = self._first_passing(started, self.look.limits)
        late = [trial.candidate for trial in self.search.trials if trial.outcome.late]
        if self.search.winner is None and late and self.look.hung:
            self._retry(late)
        return self.search

    def _offered(self) -> Iterator[Candidate]:
        """The candidates still worth a trial: all before the one sent back failed, or were sent back, before it."""
        every = candidates(self.job.source, self.look.suspicion)
        if self.job.rejected is None:
            return every
        passed_over: list[Candidate] = []
        for candidate in every:
            if candidate.meaning == self.job.rejected:
                self.search.skipped = candidate.number
                self.search.rejected = candidate
                return every
            passed_over.append(candidate)
        return iter(passed_over)

    def _retry(self, late: list[Candidate]) -> None:
        limits = self.look.limits
        longer = Limits(min(self.shop.timeout, limits.processor * 8), min(self.shop.timeout, limits.wall * 2))
        ends_at = min(self.budget.ends_at, time.monotonic() + RETRY_SECONDS)
        self.search.retried = len(late)
        self.budget, before = Budget(len(self.search.trials) + len(late), ends_at), self.search.limit
        self.search.winner = self._first_passing(late, longer)
        self.search.limit = before

    def _first_passing(self, offered: Iterable[Candidate], limits: Limits) -> Trial | None:
        pending: collections.deque[Future[Trial]] = collections.deque()
        source = iter(offered)
        pool = ThreadPoolExecutor(len(self.shop.benches))
        try:
            while True:
                while len(pending) < AHEAD * len(self.shop.benches) and (candidate := self._next(source, pending)):
                    pending.append(pool.submit(self._try, candidate, limits))
                if not pending:
                    return None
                trial = pending.popleft().result()
                self._tell(trial)
                if trial.passed and (trial := self._confirmed(trial)).passed:
                    self.search.trials.append(trial)
                    return trial
                self.search.trials.append(trial)
        except BaseException:
            self.shop.close()  # so that no thread is left waiting for a bench
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _next(self, source: Iterator[Candidate], pending: "collections.deque[Future[Trial]]") -> Candidate | None:
        if len(self.search.trials) + len(pending) >= self.budget.edits:
            self.search.limit = self.search.limit or f"the limit of {self.budget.edits} edits"
            return None
        if time.monotonic() > self.budget.ends_at:
            self.search.limit = self.search.limit or "the time limit"
            return None
        return next(source, None)

    def _try(self, candidate: Candidate, limits: Limits) -> Trial:
        bench = self.shop.free.get()
        try:
            self.shop.write(bench.folder, candidate.text.encode(self.job.source.encoding, "replace"))
            return self._tried(bench, candidate, limits)
        finally:
            self.shop.free.put(bench)

    def _tried(self, bench: TestBench, candidate: Candidate, limits: Limits) -> Trial:
        outcome = bench.run(self.job.command, limits)
        if not outcome.passed:
            return Trial(candidate, outcome, " ".join(self.job.command))
        for check in self.job.checks:
            # The checks run other tests than the command: their time is not known, so they get more of it.
            longer = Limits(min(self.shop.timeout, 8 * limits.processor), self.shop.timeout)
            checked = bench.run(check, longer)
            if not checked.passed:
                return Trial(candidate, checked, " ".join(check))
        return Trial(candidate, outcome)

    def _confirmed(self, trial: Trial) -> Trial:
        if trial.candidate.meaning == self.job.rejected:
            return Trial(trial.candidate, trial.outcome, "the review: this is the proposal that was sent back")
        failed = self.shop.confirm(trial.candidate.text)
        if not failed:
            self.shop.keep(trial.candidate.text)
        return Trial(trial.candidate, trial.outcome, failed)

    def _tell(self, trial: Trial) -> None:
        now = time.monotonic()
        if now - self.told_at >= PROGRESS_SECONDS:
            self.told_at = now
            edit = trial.candidate.edit
            say(f"tried {len(self.search.trials)} edits; now: {edit.kind} on line {edit.line}")
