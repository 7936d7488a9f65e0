"""Authorship: whose a commit says it is."""

from contextlib import suppress
from dataclasses import dataclass

from factory.line.identity import not_its_own
from factory.model.errors import InvalidFile
from factory.model.layout import WORKFLOW
from factory.model.policy import Identity
from factory.store.library import read_workflow
from factory.store.repository.commit_walk import CommitDiff
from factory.store.repository.file_history import brought
from factory.store.repository.objects import Person
from factory.store.repository.repository import Repository


@dataclass(frozen=True)
class Authorship:
    """How the factory authorship: as itself, or as a policy of this history says."""

    named: frozenset[tuple[str, str | None]] = frozenset()  # (name, address); None: the factory's own on any machine

    @classmethod
    def in_history(cls, repository: Repository, head: str) -> "Authorship":
        """Every identity that a WORKFLOW.md on the way to a commit has given the factory and that was nobody's then."""
        given: dict[tuple[str, str | None], tuple[Identity, str]] = {}  # and the commit that was the first to do so
        for commit, blob in brought(repository, head, WORKFLOW):
            with suppress(InvalidFile):  # nothing was ever signed under a policy that cannot be read
                identity = read_workflow(repository.objects.blob(blob)).policy.identity
                given[identity.name, identity.email] = identity, commit
        own = (named for named, (identity, first) in given.items() if not not_its_own(repository, first, identity))
        return cls(frozenset(own))

    def of_factory(self, who: Person) -> bool:
        """Whether this is how the factory authorship."""
        address = None if who.email.startswith("factory@") else who.email
        return (who.name == "factory" and address is None) or (who.name, address) in self.named

    def by_factory(self, step: CommitDiff) -> bool:
        """Whether a commit says that the factory made it, of its own accord."""
        return self.of_factory(step.author) and self.of_factory(step.committer)

    def carried(self, step: CommitDiff) -> bool:
        """Whether a commit says that the factory made it and that a person carried it here, by a rebase or a pick."""
        return self.of_factory(step.author) and not self.of_factory(step.committer)
