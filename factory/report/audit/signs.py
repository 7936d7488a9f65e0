"""Signatures: whose a commit says it is."""

from factory.store.repository.chronicle import Step
from factory.store.repository.objects import Person


def of_factory(who: Person) -> bool:
    """Whether this is how the factory signs."""
    return who.name == "factory" and who.email.startswith("factory@")


def by_factory(step: Step) -> bool:
    """Whether a commit says that the factory made it, of its own accord."""
    return of_factory(step.author) and of_factory(step.committer)


def carried(step: Step) -> bool:
    """Whether a commit says that the factory made it and that a person carried it here, by a rebase or a pick."""
    return of_factory(step.author) and not of_factory(step.committer)
