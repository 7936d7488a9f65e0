"""Leases: whether a run was left to the clone that had claimed it, and renewed by that one alone, and in time.

Each time is the one that whoever wrote it had: a take-over is held against the clock of the clone that took over, and
that a clock is wrong can be read nowhere. What a wrong clock may do within the grace, the grace is for.
"""

from collections.abc import Iterator
from datetime import timedelta

from factory.model.errors import InvalidFile
from factory.model.journal import Entry
from factory.model.layout import in_leases
from factory.model.lease import LEASE, Lease, Renewal
from factory.model.lifecycle import OF_PEOPLE, Event, Lane
from factory.model.moments import rfc3339
from factory.report.audit.record import ItemRecord
from factory.report.audit.rules import Found, Rule, Violation
from factory.report.audit.state import AuditState
from factory.report.audit.transition import Line, Transition
from factory.store.leases import read_renewal, renewal_in
from factory.store.repository.objects import TreeEntry
from factory.store.repository.trees import Change

_SLACK = timedelta(minutes=1)  # from the time that a lease tells of to the commit


class Leases:
    """Holds claims, their ends and their renewals against the leases; it needs no memory of its own."""

    def __init__(self, state: AuditState) -> None:
        self._state = state

    def check(self, transition: Transition) -> Iterator[Violation]:
        """What is wrong with what a commit does to leases."""
        if transition.moved:
            for line in transition.lines:
                yield from transition.violations(self._of_move(transition, line))
        for change in transition.step.changes:
            if in_leases(change.path):
                found = ((Rule.LEASE, change.path, text) for text in self._of_file(transition, change))
                yield from transition.violations(found)

    def _of_move(self, transition: Transition, line: Line) -> Iterator[Found]:
        record, entry = line
        returned = transition.before[record.id].lane is Lane.BLOCKED  # its file had been deleted, and was brought back
        texts: Iterator[str] = iter(())
        if entry.event is Event.START and entry.lease is not None:
            texts = _claimed(entry, entry.lease)
        elif record.history.lease is not None and entry.event not in OF_PEOPLE and not returned:
            texts = self._ended(transition, record, entry, record.history.lease)
        yield from ((Rule.LEASE, record.path, f"{record.id} {text}") for text in texts)

    def _ended(self, transition: Transition, record: ItemRecord, entry: Entry, claim: Lease) -> Iterator[str]:
        """What is wrong with who ended a run, and when."""
        lease = claim.renewed(record.id, renewal_in(self._state.objects, transition.step.tree_before, claim))
        owner, begun = entry.owner, record.history.entries[-1]
        if owner is None:
            if lease.renewable:
                yield f"was ended by {entry.event}, and it is not said by which clone"
        elif owner == lease.owner:
            if begun.actor != entry.actor and self._signs_alike(transition, record):
                yield f"was ended by {entry.actor} in the name of the clone by which {begun.actor} had claimed it"
        elif entry.event is not Event.RELEASE or entry.seconds is not None:
            yield f"has a result of {owner}, and {lease.owner} had the lease"
        elif entry.at < lease.held_until:
            yield f"was taken over by {owner}, and {lease.owner} had it until {rfc3339(lease.held_until)}"

    def _signs_alike(self, transition: Transition, record: ItemRecord) -> bool:
        """Whether the factory is to sign now as it was when a run began."""
        policy = self._state.policy(transition.step.tree_before)
        return record.started is not None and record.started.policy.identity == policy.identity

    def _of_file(self, transition: Transition, change: Change) -> Iterator[str]:
        """What is wrong with a change of what a clone says of its leases."""
        step = transition.step
        if not transition.ours:
            sides = (self._state.objects.commit(parent).tree for parent in step.parents)
            held = [self._state.objects.find(tree, change.path) for tree in sides]
            if len(held) < 2 or change.new not in held:  # a merge has it from one of its sides
                yield f"was changed by {step.author}, and only the factory writes it"
            return
        renewal, before = self._read(change.path, change.new), self._read(change.path, change.old)
        if change.new is None:
            if before is not None and step.authored < before.over_at:
                yield f"was taken away, and {before.owner} held what it names until {rfc3339(before.over_at)}"
        elif renewal is None:
            yield "cannot be read"
        else:
            if renewal.expires_at > step.authored + LEASE + _SLACK:
                yield f"renews leases until {rfc3339(renewal.expires_at)}, which is too long"
            for item_id, generation in renewal.runs.items():
                yield from self._renewed(transition, renewal, item_id, generation)

    def _read(self, path: str, entry: TreeEntry | None) -> Renewal | None:
        try:
            return read_renewal(path, self._state.reader.blob(entry.oid)) if entry else None
        except InvalidFile:
            return None

    def _renewed(self, transition: Transition, renewal: Renewal, item_id: str, generation: int) -> Iterator[str]:
        """What is wrong with the renewal of the lease on one item."""
        step, record = transition.step, self._state.record(item_id, transition.step.tree_before)
        claim = record.history.lease if record.lane is Lane.ACTIVE else None
        if claim is None or (claim.owner, claim.generation, claim.renewable) != (renewal.owner, generation, True):
            yield f"renews run {generation} of {item_id}, on which {renewal.owner} has no lease"
            return
        begun, who = record.history.entries[-1], str(step.author)
        if begun.actor != who and self._signs_alike(transition, record):
            yield f"renews run {generation} of {item_id} in the name of the clone by which {begun.actor} had claimed it"
        lease = claim.renewed(item_id, renewal_in(self._state.objects, step.tree_before, claim))
        if step.authored > lease.held_until:
            yield f"renews run {generation} of {item_id} after its end, which was {rfc3339(lease.held_until)}"


def _claimed(entry: Entry, lease: Lease) -> Iterator[str]:
    """What is wrong with the lease of a claim."""
    if lease.renewable and lease.expires_at > entry.at + LEASE + _SLACK:
        yield f"was claimed until {rfc3339(lease.expires_at)}, which is too long for a lease that is renewed"
    if lease.renewable and lease.generation != entry.run:
        yield f"was claimed for run {lease.generation}, and run {entry.run} began"
