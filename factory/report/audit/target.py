"""The branch that the factory merges to, when that is another one than it lives on."""

from collections.abc import Iterator

from factory.model.errors import UnusableError
from factory.model.policy import Policy
from factory.report.audit.authorship import Authorship
from factory.report.audit.content import Content, item_of
from factory.report.audit.rules import Rule, Violation
from factory.store.repository.ancestry import Ancestry, Told
from factory.store.repository.chronicle import Step, chronicle
from factory.store.repository.repository import Repository

_SUBJECT = "\nFactory-Subject: "


class Target:
    """What stands on it, held against what finishes say."""

    def __init__(self, repository: Repository, content: Content, policy: Policy, authorship: Authorship) -> None:
        self._repository = repository
        self._signs = authorship
        self._content = content
        self._branch = policy.target_branch
        self._remote = policy.sync.remote
        self._subjects: set[str] = set()  # what says that a subject came in by it
        self._again: set[str] = set()  # the items whose change somebody rebased or picked

    def found(self, head: str, begin: int) -> Iterator[Violation]:
        """What is wrong there, after a time, besides what is on the factory's own branch."""
        named = self._content.elsewhere
        target = self._repository.published(self._branch, self._remote)
        if target is None:
            if named:
                there = f"{self._branch}:refs/remotes/{self._remote}/{self._branch}"
                message = f"this clone does not have {self._branch}, which {len(named)} items were merged to"
                raise UnusableError(message, f"git fetch {self._remote} {there}")
            return
        ancestry = Ancestry(self._repository.neutral, self._repository.objects, target, None, self._look)
        for step in chronicle(self._repository, target, head):
            if step.at.timestamp() > begin:
                yield from self._step(step)
        for commit, item_id in named.items():
            if commit not in ancestry and item_id not in self._again:
                yield Violation(Rule.MERGED, target, "", f"{item_id} was applied by {commit[:10]}, which is not there")

    def _look(self, told: Told) -> None:
        self._content.see_worker(told)
        if _SUBJECT in told.message:
            self._subjects.add(told.commit)

    def _step(self, step: Step) -> Iterator[Violation]:
        named = self._content.elsewhere
        beside = (commit for side in step.sides if not side.foreign for commit in side.commits)
        item_id = step.trailer("Factory-Item") if self._signs.carried(step) else item_of(step.author)
        again = bool(item_id) and self._content.picked(step.commit, item_id)
        self._again |= {item_id} if again else set()
        for commit in (step.commit, *beside):
            if commit in self._subjects and commit not in named and not (again and commit == step.commit):
                yield Violation(Rule.UNAPPROVED, commit, "", "content came in, and no finish names it")
        if step.commit not in named:
            found = self._content.by_person(step, step.at)
            yield from (Violation(rule, step.commit, path, text) for rule, path, text in found)
