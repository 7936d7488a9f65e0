"""The proposal: a worker's change as one commit on its base, which any clone can make again from what is recorded."""

from dataclasses import dataclass
from datetime import UTC, datetime

from factory.execution.request import RunRequest
from factory.model.text import printable
from factory.model.worker_address import worker_address
from factory.store.repository.batch import Signature, add_commit
from factory.store.repository.objects import Person
from factory.store.repository.repository import Repository

_MAKER = Person("factory", "factory@localhost")  # the same everywhere, or no two clones would make the same commit


@dataclass(frozen=True)
class Origin:
    """All that a proposal follows from, besides its files."""

    base: str
    item_id: str
    title: str
    worker: str
    run: int
    at: datetime


def proposal_of(request: RunRequest, tree: str, repository: Repository) -> str:
    """The commit that holds what a worker made of a request's base; it is on disk."""
    at = request.claimed_at or datetime.fromtimestamp(0, UTC)
    origin = Origin(request.base, request.item_id, request.item.title, request.worker, request.run, at)
    return proposal_commit(repository, origin, tree)


def proposal_commit(repository: Repository, origin: Origin, tree: str) -> str:
    """The commit that follows from an origin and a tree of content; it is on disk."""
    objects = repository.objects
    base = objects.commit(origin.base)
    title = printable(" ".join(origin.title.split()))
    message = f"{title}\n\nProposed by {origin.worker} for {origin.item_id} (run {origin.run}).\n"
    worker = Person(f"worker {origin.worker}", worker_address(origin.item_id))
    # As old as its base to git, which walks a history by these dates: the item's own moves come first then.
    signed = Signature(worker, _MAKER, origin.at, base.committed_at)
    proposal = add_commit(objects, repository.with_content(base.tree, tree), (origin.base,), message, signed)
    objects.flush()
    return proposal
