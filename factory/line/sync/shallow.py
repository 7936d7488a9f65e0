"""Shallow clones: deepened as far as a pass has to look back, to say who brought what, and when."""

from collections.abc import Iterator

from factory.line.snapshot import Snapshot
from factory.store.repository.remote import Remote
from factory.store.repository.repository import Repository

_FIRST, _MORE, _TRIES = 50, 10, 3  # commits fetched at first, how many times as many next, and how often before all


def deepening(repository: Repository, remote: Remote, snapshot: Snapshot) -> Iterator[int | None]:
    """By how many commits to deepen, and again, until no look back ends where the clone does; None is all of them."""
    for number in range(_TRIES):
        if not _ends_short(repository, remote, snapshot):
            return
        yield _FIRST * _MORE**number
    if _ends_short(repository, remote, snapshot):
        yield None


def _ends_short(repository: Repository, remote: Remote, snapshot: Snapshot) -> bool:
    """Whether something was there already where the history of this clone begins, of which the beginning is asked."""
    ends = [repository.objects.commit(commit).tree for commit in remote.beginnings()]
    asked = set(_asked_of(snapshot))
    there = any(repository.objects.find(tree, path) is not None for tree in ends for path in asked)
    bases = (state.history.lease.base for state in snapshot.items.values() if state.history.lease)
    return bool(ends) and (there or bool(snapshot.lost) or not all(map(repository.objects.has, bases)))


def _asked_of(snapshot: Snapshot) -> Iterator[str]:
    """The files of which it is asked who brought them: new items, moves by hand, batches, and what people decided."""
    for state in snapshot.items.values():
        if not state.history.entries or not state.recorded:
            yield state.placed.path
    yield from (batch.path for batch in snapshot.listing.batches)
    yield from (file.path for file in snapshot.listing.opened)
