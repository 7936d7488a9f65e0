"""Rewritten: a commit of the factory that a person made anew, and how to get back what it took the place of."""

from collections.abc import Iterable, Iterator

from factory.report.audit.authorship import Authorship
from factory.report.audit.rules import Rule, Violation
from factory.report.audit.transition import Transition
from factory.store.repository.commit_walk import CommitDiff, replaced
from factory.store.repository.repository import Repository

_ROUGH = frozenset({Rule.FORGED, Rule.APPEND_ONLY, Rule.ARTIFACTS, Rule.ARCHIVE, Rule.TRAILERS})


class Rewritten:
    """Tells a rebase, which carries several commits onto another one, from `git commit --amend`, which makes one anew.

    A commit that was carried here has the factory as its author and a person as its committer.
    """

    def __init__(self, repository: Repository, authorship: Authorship) -> None:
        self._repository = repository
        self._authorship = authorship
        self._last: CommitDiff | None = None
        self._lone: CommitDiff | None = None  # as far as seen: the only one that was made anew, on the factory's own
        self._people: set[str] = set()  # their commits, and what they carried

    def begin(self, last: CommitDiff) -> None:
        """Begin after a commit."""
        self._last = last

    def check(self, transition: Transition) -> Iterator[Violation]:
        """What the next commit shows of the one before it: that it was made anew on its own."""
        if self._lone is not None and not self._is_one_of_several(transition.step):
            yield from self.rest()

    def _is_one_of_several(self, step: CommitDiff) -> bool:
        """Whether the one that was made anew came along with the next one, as by a rebase."""
        lone = self._lone
        return lone is not None and step.committer == lone.committer and step.authored < step.at

    def advance(self, transition: Transition) -> None:
        """Go on to a commit: whether it may be one that was made anew."""
        step, last = transition.step, self._last
        self._last, self._lone = step, None
        if not transition.by_factory:
            self._people.add(step.commit)
        if not transition.carried or not any(change.of_factory for change in step.changes):
            return
        if last is None or not self._authorship.by_factory(last):
            return
        if last.author == step.author and last.at <= step.authored:
            self._lone = step

    def rest(self) -> Iterator[Violation]:
        """What is wrong with a commit that nobody carried anywhere."""
        if self._lone is not None:
            text = f"{self._lone.committer} made a commit of the factory anew"
            yield Violation(Rule.FORGED, self._lone.commit, "", text)

    def advised(self, found: Iterable[Violation], branch: str, head: str) -> tuple[Violation, ...]:
        """The findings; with the first of each commit that a person made, how to undo it."""
        told: set[str] = set()
        advised: list[Violation] = []
        for violation in found:
            rough = violation.rule in _ROUGH and violation.commit in self._people
            if rough and violation.commit not in told:
                told.add(violation.commit)
                violation = violation._replace(text=f"{violation.text}; {self._advice(violation.commit, branch, head)}")
            advised.append(violation)
        return tuple(advised)

    def _advice(self, commit: str, branch: str, head: str) -> str:
        old = replaced(self._repository, branch, commit)
        if not old:
            return f"git reflog {branch} shows what was there before, and git reset --soft brings it back"
        if commit == head:
            return f"git reset --soft {old[:12]} undoes it, and what it added stays staged"
        return f"git rebase --onto {old[:12]} {commit[:12]} {branch} undoes it"
