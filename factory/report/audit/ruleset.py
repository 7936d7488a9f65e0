"""The rules together: what each finds in a commit, in one order, and what it remembers of it, once all have spoken."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Protocol

from factory.report.audit.archives import Archives
from factory.report.audit.artifacts import WrittenOnce
from factory.report.audit.batches import Batches
from factory.report.audit.content import Content
from factory.report.audit.dates import Dates
from factory.report.audit.forged import Forged
from factory.report.audit.handoff import Handoff
from factory.report.audit.leases import Leases
from factory.report.audit.merges import Merges
from factory.report.audit.missions import Missions
from factory.report.audit.moves import Moves
from factory.report.audit.places import Places
from factory.report.audit.proposals import Proposals
from factory.report.audit.reused import Reused
from factory.report.audit.rewritten import Rewritten
from factory.report.audit.rules import Violation
from factory.report.audit.state import AuditState
from factory.report.audit.target import Target
from factory.report.audit.trailers import unsaid
from factory.report.audit.transition import Transition
from factory.store.repository.ancestry import Told
from factory.store.repository.commit_walk import CommitDiff

Check = Callable[[Transition], Iterator[Violation]]


class Remembers(Protocol):
    """A rule that holds a commit against earlier ones."""

    def advance(self, transition: Transition) -> None:
        """Remember what later commits are held against. Nothing else changes what a rule knows of a commit."""


class Ruleset:
    """Every rule, over one state.

    A check reads the state and what its rule remembers as they are before the commit, and changes neither: it can be
    asked twice, or not at all, and the others find the same.
    """

    def __init__(self, state: AuditState) -> None:
        self.state = state
        self._proposals = Proposals(state.reader)
        self._forged = Forged(state.authorship)
        self._rewritten = Rewritten(state.repository, state.authorship)
        self._dates = Dates(state.repository.system.now)
        self._content = Content(state, self._proposals)
        self._batches = Batches(state)
        self.reused = Reused(state)
        self._places = Places(state)
        self._moves = Moves(state, self._content)
        self._handoff = Handoff(state)
        self.checks: tuple[Check, ...] = (
            self._rewritten.check,
            self._dates.check,
            self._content.check_followed,
            self._forged.check,
            Merges(state).check,
            self._places.check,
            WrittenOnce(state).check,
            Archives(state).check,
            self._moves.check,
            unsaid,
            self._content.check,
            self._batches.check,
            self.reused.check,
            Leases(state).check,
            self._handoff.check,
            Missions(state).check,
            self._places.check_finished,
        )
        self.remembering: tuple[Remembers, ...] = (
            self._rewritten,
            self._dates,
            self._forged,
            self._content,
            self._batches,
            self.reused,
            self._places,
            self._moves,
            self._handoff,
        )

    def look(self, told: Told) -> None:
        """See a commit, on the line or beside it, before the first one is checked."""
        self._proposals.look(told)
        self._forged.look(told)

    def begin(self, last: CommitDiff) -> None:
        """Begin after a commit."""
        self._rewritten.begin(last)
        self._dates.begin(last)

    def check(self, transition: Transition) -> Iterator[Violation]:
        """Everything that is wrong with the next commit, or that it shows of those before it."""
        return chain.from_iterable(check(transition) for check in self.checks)

    def advance(self, transition: Transition) -> None:
        """Go on to a commit, before the state itself does."""
        for rule in self.remembering:
            rule.advance(transition)

    def rest(self, head: str, begin: int) -> Iterator[Violation]:
        """What only shows when everything up to a head has been seen, from a time on."""
        yield from self._content.rest_followed()
        yield from self._rewritten.rest()
        yield from self._dates.rest()
        yield from self._forged.rest()
        yield from self._content.rest()
        yield from self._batches.rest()
        yield from self._places.gone()
        yield from self._places.twice()
        yield from self._handoff.rest()
        yield from self._places.ended()
        policy = self.state.policy(self.state.tree)
        if policy.target_branch != policy.branch:
            yield from Target(self.state, self._proposals, self._content, policy).found(head, begin)

    def advised(self, found: Iterable[Violation], head: str) -> tuple[Violation, ...]:
        """What was found, with how to undo it."""
        return self._rewritten.advised(found, self.state.policy(self.state.tree).branch, head)
