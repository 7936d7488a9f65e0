"""The branch that the factory merges to, when that is another one than it lives on."""

from collections.abc import Iterator
from typing import NamedTuple

from factory.model.errors import UnusableError
from factory.model.policy import Policy
from factory.model.trailers import Trailer
from factory.report.audit.content import Content
from factory.report.audit.proposals import Proposals, item_of
from factory.report.audit.rules import Rule, Violation
from factory.report.audit.state import AuditState
from factory.store.repository.ancestry import Ancestry, Told
from factory.store.repository.commit_walk import CommitDiff, walk_commits

_SUBJECT = f"\n{Trailer.SUBJECT}: "


class _Seen(NamedTuple):
    """One commit of that branch."""

    step: CommitDiff
    item_id: str  # whose change somebody rebased or picked, and this is it; empty when it is none


class Target:
    """What stands on it, held against what finishes say."""

    def __init__(self, state: AuditState, proposals: Proposals, content: Content, policy: Policy) -> None:
        self._state = state
        self._repository = state.repository
        self._proposals = proposals
        self._content = content
        self._named = content.elsewhere
        self._branch = policy.target_branch
        self._remote = policy.sync.remote
        self._subjects: set[str] = set()  # what says that a subject came in by it
        self._again: set[str] = set()  # the items whose change somebody rebased or picked

    def found(self, head: str, begin: int) -> Iterator[Violation]:
        """What is wrong there, after a time, besides what is on the factory's own branch."""
        target = self._repository.published(self._branch, self._remote)
        if target is None:
            if self._named:
                there = f"{self._branch}:refs/remotes/{self._remote}/{self._branch}"
                message = f"this clone does not have {self._branch}, which {len(self._named)} items were merged to"
                raise UnusableError(message, f"git fetch {self._remote} {there}")
            return
        ancestry = Ancestry(self._repository.neutral, self._repository.objects, target, None, self._look)
        for step in walk_commits(self._repository, target, head):
            if step.at.timestamp() > begin:
                seen = self._seen(step)
                yield from self._check(seen)
                self._advance(seen)
        for commit, item_id in self._named.items():
            if commit not in ancestry and item_id not in self._again:
                yield Violation(Rule.MERGED, target, "", f"{item_id} was applied by {commit[:10]}, which is not there")

    def _look(self, told: Told) -> None:
        """See a commit before the first one is checked."""
        self._proposals.look(told)
        if _SUBJECT in told.message:
            self._subjects.add(told.commit)

    def _seen(self, step: CommitDiff) -> _Seen:
        item_id = step.trailer(Trailer.ITEM) if self._state.authorship.carried(step) else item_of(step.author)
        again = bool(item_id) and self._proposals.picked(step.commit, self._state.record(item_id))
        return _Seen(step, item_id if again else "")

    def _check(self, seen: _Seen) -> Iterator[Violation]:
        step = seen.step
        beside = (commit for side in step.sides if not side.foreign for commit in side.commits)
        for commit in (step.commit, *beside):
            again = bool(seen.item_id) and commit == step.commit
            if commit in self._subjects and commit not in self._named and not again:
                yield Violation(Rule.UNAPPROVED, commit, "", "content came in, and no finish names it")
        if step.commit not in self._named:
            found = self._content.merged(step, self._state.record, step.at)
            yield from (Violation(rule, step.commit, path, text) for rule, path, text in found)

    def _advance(self, seen: _Seen) -> None:
        if seen.item_id:
            self._again.add(seen.item_id)
