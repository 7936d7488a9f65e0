"""The notifier: stands beside an orchestrator, notes what people are to be told before it happens, and tells it after.

What is noted outlives the process. A notice is told by the holder of the factory's lock alone; that it is being told
is written down before, so that no crash makes anybody tell it twice.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime

from factory.connect.notify.delivery import LONGEST_S, Delivery
from factory.connect.notify.occasions import Occasions
from factory.line.orchestrator import Orchestrator
from factory.model.events import Happening, Tell
from factory.model.notice import digest_of_notices
from factory.model.notify import NotifyRule
from factory.store.notices import Failure, Outbox, Waiting, read_notices, write_notices
from factory.store.repository.repository import Repository

_AT_THE_END_S, _INTERRUPTED_S = LONGEST_S + 5.0, 3.0
_LOOK_S = 30.0  # the policy may have changed meanwhile
_FULL_DISK_S = 5.0
_MOST_ALONE = 10  # notices to one target; more are told together
_BROKEN_OFF = "nobody knows whether it was told: the process that told it has ended"


class Notifier:
    """A listener of an orchestrator. What it is told goes on to `tell`."""

    def __init__(self, repository: Repository, tell: Tell) -> None:
        self._repository = repository
        self._system = repository.system
        self._tell = tell
        self._lock = threading.RLock()  # over the outbox, which the pass and the thread that tells change
        self._outbox = Outbox()
        self._news = threading.Event()
        self._closing = False
        self._last = ""  # the target that was told last
        self._seen_at = ""  # the head at which it was looked last what has happened
        self._orchestrator: Orchestrator | None = None
        self._delivery = Delivery(self._system, repository.root)

    def __call__(self, happening: Happening) -> None:
        """Pass it on, and see what has come true of what was foretold."""
        self._tell(happening)
        self._see()

    @contextmanager
    def beside(self, orchestrator: Orchestrator) -> Iterator[None]:
        """Tell people meanwhile, beside the passes. Within `holding`; at the end what is due is waited for a while."""
        self._orchestrator = orchestrator
        self._outbox = read_notices(self._repository.state)
        self._see()
        self._give_up_what_was_begun()
        orchestrator.context.writer.foretell = self._foretell
        with self._system.threads(1, "notify") as aside:
            serving = aside.submit(self._serve)
            patience = _INTERRUPTED_S
            try:
                yield
                patience = _AT_THE_END_S
            finally:
                self._close(serving, patience)
        serving.result()

    def due(self) -> datetime | None:
        """When something is to be told next; None when nothing waits."""
        with self._lock:
            rules, now = self._rules(), self._system.now()
            return min((rule.due(each.notice, now) for each, rule in self._waiting(rules)), default=None)

    def _rules(self) -> tuple[NotifyRule, ...]:
        return self._orchestrator.workflow.policy.notify if self._orchestrator else ()

    def _waiting(self, rules: Sequence[NotifyRule]) -> Iterator[tuple[Waiting, NotifyRule]]:
        """What has happened and nobody has begun to tell, with the rule by which it is told."""
        for each in self._outbox.waiting:
            own = [rule for rule in rules if rule.target == each.target]
            if own and not each.commit and not each.begun:
                yield each, next((rule for rule in own if rule.wants(each.notice)), own[0])

    def _foretell(self, happenings: Sequence[Happening], tip: str) -> None:
        """Note what is to be told once this commit is on the branch."""
        rules, orchestrator = self._rules(), self._orchestrator
        if not rules or orchestrator is None:
            return
        context = orchestrator.context
        policy = orchestrator.workflow.policy
        found = list(Occasions.of(context.reader, policy, tip, self._system.now(), happenings).notices())
        coming = {(rule.target, each.key): each for rule in rules for each in found if rule.wants(each)}
        if coming:
            new = [Waiting(target=target, notice=each, commit=tip) for (target, _), each in coming.items()]
            self._change(lambda outbox: outbox.intend(new), durable=True)
            self._seen_at = ""

    def _see(self) -> None:
        """What was foretold and has happened may be told."""
        orchestrator = self._orchestrator
        with self._lock:
            if orchestrator is None or not any(each.commit for each in self._outbox.waiting):
                return
            head = self._repository.head(orchestrator.context.branch) or ""
            if not head or head == self._seen_at:
                return
            self._seen_at = head
            now = self._system.now()
            self._change(lambda outbox: outbox.happened(lambda tip: self._repository.is_ancestor(tip, head), now))
        self._news.set()

    def _give_up_what_was_begun(self) -> None:
        """Whether it came through nobody knows; it is not told again, and that is said."""
        for each in [each for each in self._outbox.waiting if each.begun]:
            to = next((rule.to for rule in self._rules() if rule.target == each.target), each.target)
            self._end(each.target, to, [each], f"{_BROKEN_OFF}: {each.notice.text}")

    def _change(self, change: Callable[[Outbox], Outbox], *, durable: bool = False) -> bool:
        """Change what waits; whether that could be written down. Where not, it holds for this process alone."""
        with self._lock:
            before, self._outbox = self._outbox, change(self._outbox)
            if self._outbox == before:
                return True
            try:
                write_notices(self._repository.state, self._outbox, durable=durable)
            except OSError:
                return False
            return True

    def _serve(self) -> None:
        """Tell what is due, and wait for more; until it is closed."""
        while True:
            self._news.clear()
            group = self._next()
            if group is not None:
                self._tell_target(*group)
            elif self._closing:
                return
            else:
                self._system.pause(self._news, self._pause())

    def _pause(self) -> float:
        until = self.due()
        seconds = (until - self._system.now()).total_seconds() if until else _LOOK_S
        return min(max(0.1, seconds), _LOOK_S)

    def _next(self) -> tuple[NotifyRule, list[Waiting]] | None:
        """What is told next: what one target is to hear at once. None when nothing is due."""
        if self._closing and self._delivery.ended:
            return None
        with self._lock:
            rules, now = self._rules(), self._system.now()
            targets = {rule.target for rule in rules}
            self._change(lambda outbox: outbox.only(targets))
            waiting = list(self._waiting(rules))
            due = [(each, rule) for each, rule in waiting if rule.due(each.notice, now) <= now]
            # Whoever was told last comes after the others: one that never answers must not keep them waiting for long.
            due.sort(key=lambda pair: pair[1].target == self._last)
            if not due:
                return None
            first, rule = due[0]
            self._last = rule.target
            ripe = [each for each, by in due if by.target == rule.target]
            if rule.due(first.notice, first.notice.at) > first.notice.at:
                return rule, [each for each, by in waiting if by == rule]  # held back, and so was what came after it
            return rule, ripe if len(ripe) > _MOST_ALONE else [first]

    def _tell_target(self, rule: NotifyRule, group: Sequence[Waiting]) -> None:
        keys = {each.key for each in group}
        with self._lock:
            left_out = self._outbox.left_out.get(rule.target) or 0
        if not self._change(lambda outbox: outbox.begin(keys)):
            # Told without a note it might be told twice.
            self._change(lambda outbox: outbox.let_be(keys))
            self._system.pause(self._news, _FULL_DISK_S)
            return
        notices = [each.notice for each in group]
        alone = len(notices) == 1 and not left_out
        told = notices[0].as_json() if alone else digest_of_notices(notices, left_out)
        self._end(rule.target, rule.to, group, self._delivery.tell(rule, told))

    def _end(self, target: str, to: str, group: Sequence[Waiting], why: str) -> None:
        """Note that it was told, or attempted."""
        failure = Failure(target=target, to=to, at=self._system.now(), reason=why) if why else None
        keys = [each.key for each in group]
        self._change(lambda outbox: outbox.end(target, keys, failure))

    def _close(self, serving: "Future[None]", patience: float) -> None:
        """Wait so long for what is due; then whatever is being told is ended, and another process tells the rest."""
        self._closing = True
        self._news.set()
        self._system.settle([serving], patience)
        self._delivery.end()
