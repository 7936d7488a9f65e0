"""The proposal: a worker's change as one commit on its base, which any clone can make again from what is recorded."""

from dataclasses import dataclass
from datetime import UTC, datetime

from factory.line.survey import Case, Survey, Surveyor
from factory.model.base import printable
from factory.model.errors import FactoryError, MachineError
from factory.model.journal import Entry
from factory.model.lifecycle import Event
from factory.store.artifacts import run_folder
from factory.store.repository.batch import Signature, add_commit
from factory.store.repository.objects import Person
from factory.store.repository.repository import Repository
from factory.work.order import Order

_MAKER = Person("factory", "factory@localhost")  # the same everywhere, or no two clones would make the same commit


@dataclass(frozen=True)
class _Origin:
    """All that a proposal follows from, besides its files."""

    base: str
    item_id: str
    title: str
    worker: str
    run: int
    at: datetime


def proposal_of(order: Order, tree: str, repository: Repository) -> str:
    """The commit that holds what a worker made of an order's base; it is on disk."""
    at = order.claimed_at or datetime.fromtimestamp(0, UTC)
    origin = _Origin(order.base, order.item_id, order.item.title, order.worker, order.run, at)
    return _commit(repository, origin, tree)


def _commit(repository: Repository, origin: _Origin, tree: str) -> str:
    objects = repository.objects
    base = objects.commit(origin.base)
    title = printable(" ".join(origin.title.split()))
    message = f"{title}\n\nProposed by {origin.worker} for {origin.item_id} (run {origin.run}).\n"
    worker = Person(f"worker {origin.worker}", f"{origin.item_id}@workers.factory.invalid")
    # As old as its base to git, which walks a history by these dates: the item's own moves come first then.
    signed = Signature(worker, _MAKER, origin.at, base.committed_at)
    proposal = add_commit(objects, repository.with_content(base.tree, tree), (origin.base,), message, signed)
    objects.flush()
    return proposal


class Unreadable(MachineError):
    """A proposal that this clone does not hold and cannot make again."""


def ensure(surveyor: Surveyor, survey: Survey, case: Case, proposal: str) -> None:
    """See to it that a proposal of an item's can be read here: make it again when it is missing. Raises Unreadable."""
    objects = surveyor.repository.objects
    if not proposal or (objects.holds(proposal) and objects.holds(objects.commit(proposal).tree)):
        return
    try:
        made = _made_again(surveyor, survey, case, proposal)
    except (FactoryError, OSError) as error:
        said = error.message if isinstance(error, FactoryError) else str(error)
        raise _unreadable(case, proposal, said) from None
    if made != proposal:
        raise _unreadable(case, proposal, f"made again from what is recorded it is another one ({made[:10]})")


def _unreadable(case: Case, proposal: str, why: str) -> Unreadable:
    hint = "fetch it from the clone that made it, or move the item to queue/inbox to have it made anew"
    return Unreadable(f"the proposal {proposal[:10]} of {case.id} is not in this clone, and {why}; {hint}")


def _made_again(surveyor: Surveyor, survey: Survey, case: Case, proposal: str) -> str:
    """What the recorded patch makes of the recorded base."""
    repository = surveyor.repository
    start = _start_of(case, proposal)
    if start is None or start.lease is None:
        raise FactoryError("its journal does not say how it was made")
    lease = start.lease
    if not repository.objects.holds(lease.base):
        raise FactoryError(f"its base {lease.base[:10]} is not here either")
    path = f"{run_folder(case.id, start.run)}/patch.diff"
    patch = repository.objects.file(survey.tree, path)
    if patch is None:
        raise FactoryError(f"there is no {path}")
    item = surveyor.queue.item(case.placed.path, lease.item)  # as it was when the run began
    content = repository.patched(repository.content(repository.objects.commit(lease.base).tree), patch)
    origin = _Origin(lease.base, case.id, item.title, start.worker or "", start.run, start.at)
    return _commit(repository, origin, content)


def _start_of(case: Case, proposal: str) -> Entry | None:
    """The beginning of the run that a proposal came of."""
    entries = case.history.entries
    run = next((entry.run for entry in entries if entry.proposal == proposal and entry.event is not Event.FINISH), None)
    return next((entry for entry in entries if entry.event is Event.START and entry.run == run), None)
