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
FIRST_SHARE = 2 / 3  # of the time, before those that were stopped get theirs
MORE = 16  # times as long, each time that a stopped candidate is tried again
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
    retried: int = 0  # of the trials, those that gave a stopped candidate more time

    @property
    def tried(self) -> int:
        """How many candidates had a trial."""
        return len(self.trials) - self.retried

    def stopped(self) -> list[Candidate]:
        """The candidates whose last trial ran too long, those first that had passed most tests by then."""
        last = {trial.candidate.number: trial for trial in self.trials}
        late = [trial for trial in last.values() if trial.outcome.late]
        late.sort(key=lambda trial: (-trial.outcome.passed_tests, trial.candidate.number))
        return [trial.candidate for trial in late]


class Searcher:
    """Tries candidates on the benches of a workshop."""

    def __init__(self, job: Job, shop: Workshop, look: FirstLook, budget: Budget) -> None:
        self.job = job
        self.shop = shop
        self.look = look
        self.budget = budget
        self.search = Search()
        self.given: dict[int, float] = {}  # by candidate, the processor seconds that its last trial could take
        self.told_at = time.monotonic()

    def run(self) -> Search:
        """The whole search; its result stands confirmed in the worktree, or nothing is changed."""
        offered, now = self._offered(), time.monotonic()
        share = now + (self.budget.ends_at - now) * FIRST_SHARE
        search = self.search
        search.winner = self._first_passing(offered, self.look.limits, share) or self._retry()
        if search.winner is None:
            search.winner = self._first_passing(offered, self.look.limits, self.budget.ends_at) or self._retry()
        if search.winner is None and time.monotonic() > self.budget.ends_at:
            search.limit = search.limit or "the time limit"
        return search

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

    def _retry(self) -> Trial | None:
        """Those that were stopped once more, with more time each time: how long a right program takes nobody knows."""
        limits = self.look.limits
        while limits.processor < self.shop.timeout and time.monotonic() < self.budget.ends_at:
            longer = min(self.shop.timeout, limits.processor * MORE)
            limits = Limits(longer, min(self.shop.timeout, max(limits.wall, 10 * longer)))
            before = len(self.search.trials)
            again = [candidate for candidate in self.search.stopped() if self.given.get(candidate.number, 0.0) < longer]
            winner = self._first_passing(again, limits, self.budget.ends_at, counted=False)
            self.search.retried += len(self.search.trials) - before
            if winner is not None:
                return winner
        return None

    def _first_passing(
        self, offered: Iterable[Candidate], limits: Limits, until: float, *, counted: bool = True
    ) -> Trial | None:
        """The first candidate that passes everything; none is begun after `until`."""
        pending: collections.deque[Future[Trial | None]] = collections.deque()
        source = iter(offered)
        pool = ThreadPoolExecutor(len(self.shop.benches))
        try:
            while True:
                while len(pending) < AHEAD * len(self.shop.benches) and time.monotonic() < until:
                    if counted and self.search.tried + len(pending) >= self.budget.edits:
                        self.search.limit = f"the limit of {self.budget.edits} edits"
                        break
                    candidate = next(source, None)
                    if candidate is None:
                        break
                    pending.append(pool.submit(self._try, candidate, limits))
                if not pending:
                    return None
                trial = pending.popleft().result()
                if trial is None:
                    continue
                self.given[trial.candidate.number] = limits.processor
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

    def _try(self, candidate: Candidate, limits: Limits) -> Trial | None:
        """What becomes of a candidate; None when the search was over before that could be known."""
        bench = self.shop.free.get()
        try:
            left = self.budget.ends_at - time.monotonic()
            if left <= 0:
                return None
            self.shop.write(bench.folder, candidate.text.encode(self.job.source.encoding, "replace"))
            trial = self._tried(bench, candidate, Limits(limits.processor, min(limits.wall, left)))
            return None if trial.outcome.late and time.monotonic() >= self.budget.ends_at else trial
        finally:
            self.shop.free.put(bench)

    def _tried(self, bench: TestBench, candidate: Candidate, limits: Limits) -> Trial:
        outcome = bench.run(self.job.command, limits)
        if not outcome.passed:
            return Trial(candidate, outcome, " ".join(self.job.command))
        for check in self.job.checks:
            # The checks run other tests than the command: their time is not known, so they get more of it.
            left = max(0.1, self.budget.ends_at - time.monotonic())
            longer = Limits(min(self.shop.timeout, MORE * limits.processor), min(self.shop.timeout, left))
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
            say(f"tried {self.search.tried} edits; now: {edit.kind} on line {edit.line}")
