"""The judgement: what the gate makes of an item in review, by what is committed and by the policy of that time."""

from collections.abc import Iterator
from typing import NamedTuple

from pydantic import ValidationError

from factory.line.review.votes import Delivery, Refused, Reviewers, delivery_of, machine_vote, read_vote, reviewers_of
from factory.line.snapshot import ItemState
from factory.model.contract import Contract, SeatKind
from factory.model.errors import FactoryError
from factory.model.evidence import Evidence
from factory.model.gate import GateDecision, Vote, conclude, decide, for_people, guarded, seats_needed, touches
from factory.model.item import Item
from factory.model.journal import Entry
from factory.model.layout import parse, verdict_path
from factory.model.lifecycle import Event, Lane, Outcome
from factory.model.places import RunFile
from factory.model.product import made_by
from factory.model.run_layout import EVIDENCE, PATCH, RECHECK, is_by_worker, kept_verdict, run_path
from factory.model.subject import subject_of
from factory.report.audit.content import content_name, outside
from factory.report.audit.reader import Reader
from factory.report.audit.record import Effective, ItemRecord, last_delivery
from factory.report.audit.rules import Rule
from factory.report.audit.state import AuditState
from factory.report.audit.transition import Line
from factory.store.artifacts import left_by_worker
from factory.store.queue import Placed
from factory.store.repository.commit_walk import CommitDiff
from factory.store.repository.objects import Person

RuleBroken = tuple[Rule, str]


class Assessed(NamedTuple):
    """What comes of the verdicts on one item."""

    decision: GateDecision
    refused: tuple[RuleBroken, ...] = ()  # what keeps verdicts from counting
    dismissed: frozenset[str] = frozenset()  # the loose ends of which a person said that nothing is to be done


_RULES = {"subject": Rule.SUBJECT, "reviewer": Rule.REVIEWER}


class Judgement:
    """One item in review at the commit that took it out of there."""

    def __init__(self, state: AuditState, line: Line, step: CommitDiff) -> None:
        self._state = state
        self._repository = state.repository
        self._objects = state.objects
        self._record, self.entry = line
        self._step = step
        self.effective = state.effective(line.record, step.tree_before)
        self.item = state.reader.item(line.record)
        self.delivered = last_delivery(line.record.history)

    @property
    def run(self) -> int:
        """The run that was delivered last."""
        return self.delivered.run if self.delivered else 0

    def file(self, name: str) -> bytes | None:
        """What a file of the run that is judged holds."""
        assert self.delivered is not None
        oid = self._record.run.get(run_path(self.delivered.run, name))
        return self._state.reader.blob(oid) if oid else None

    def read(self, name: str) -> Evidence | None:
        """The evidence in a file, if it can be read."""
        data = self.file(name)
        try:
            return Evidence.model_validate_json(data) if data else None
        except ValidationError:
            return None

    def evidence(self) -> Evidence | None:
        """What the checks said last: of a recheck that came with this commit, or that is of the tree that came in."""
        again, first = self.read(RECHECK), self.read(EVIDENCE)
        came = any(change.new and not change.old and _is_recheck(change.path) for change in self._step.changes)
        if again is None or (self._applied and first and not first.pending and self.brought_in(first)):
            return first
        return again if came or self._applied else first

    @property
    def _applied(self) -> bool:
        """Whether something came into the target with it."""
        return self.entry.event is Event.OPEN or self.entry.outcome is Outcome.APPLIED

    def brought_in(self, evidence: Evidence) -> bool:
        """Whether the commit that the journal names was made on what the checks ran on."""
        applied = self.entry.applied or ""
        parents = self._objects.commit(applied).parents if self.is_commit(applied) else ()
        if not parents or self.is_commit(evidence.target):
            return bool(parents) and self.same_content(parents[0], evidence.target)
        # The target of then was carried elsewhere before anybody else saw it.
        return self.is_commit(evidence.proposal) and self.merges_to(evidence, parents[0])

    def is_commit(self, name: str) -> bool:
        """Whether there is a commit of this name here."""
        found = self._objects.read(name) if name else None
        return found is not None and found[1] == "commit"

    def same_content(self, one: str, other: str) -> bool:
        """Whether two commits hold the same project; not when one is not here."""
        if not (self.is_commit(one) and self.is_commit(other)):
            return False
        trees = (self._objects.commit(commit).tree for commit in (one, other))
        return len({content_name(self._objects, tree) for tree in trees}) == 1

    def assessed(self, delivered: Entry, item: Item, contract: Contract, evidence: Evidence) -> Assessed:
        """What the gate rules, by the verdicts that count."""
        record, policy = self._record, self.effective.policy
        changed = for_people(self.made(evidence), evidence)
        patterns = guarded(policy, evidence)
        seats = seats_needed(contract, changed, patterns)
        delivery = delivery_of(
            ItemState(Placed(record.id, Lane.REVIEW, "", ""), item, record.history), delivered.subject or ""
        )
        votes: list[Vote] = []
        lost: dict[str, str] = {}
        refused: list[RuleBroken] = []
        dismissed: set[str] = set()
        for seat in seats:
            if seat.by_machine:
                said = self._machines_vote(seat.name, delivered, delivery)
                if isinstance(said, str):
                    lost[seat.name] = said
                else:
                    votes.append(said)
            elif seat.kind is SeatKind.HUMAN:
                vote, problems = self._persons_vote(seat.name, delivery, reviewers_of(seat.name, contract, policy))
                refused += problems
                if vote:
                    votes.append(vote)
                    dismissed |= {key for key in delivery.loose_ends if vote.verdict.dismisses(key)}
        if item.validates and evidence.proposal == evidence.base:
            decision = conclude(item.validates, seats, evidence, tuple(votes), lost)
        else:
            decision = decide(contract, seats, evidence, tuple(votes), touches(changed, patterns), lost)
        return Assessed(decision, tuple(refused), frozenset(dismissed))

    def _machines_vote(self, seat: str, delivered: Entry, delivery: Delivery) -> Vote | str:
        """What a machine said in its seat, or why that does not count."""
        data = self.file(kept_verdict(seat))
        path = run_path(delivered.run, kept_verdict(seat))
        return machine_vote(seat, path, data, delivery) if data else "there is none"

    def _persons_vote(
        self, seat: str, delivery: Delivery, reviewers: Reviewers
    ) -> tuple[Vote | None, list[RuleBroken]]:
        """A person's verdict, if it counts, or what keeps it from that."""
        try:
            return self._vote(seat, delivery, reviewers), []
        except Refused as refused:
            problems = zip(refused.keys, refused.problems, strict=True)
            return None, [(_RULES.get(key, Rule.COVERED), problem.message) for key, problem in problems]
        except FactoryError as error:
            return None, [(Rule.COVERED, f"has a verdict that cannot be read: {error.message}")]

    def _vote(self, seat: str, delivery: Delivery, reviewers: Reviewers) -> Vote | None:
        """A person's verdict, with whoever brought its last edit. Raises FactoryError when it does not count."""
        path = verdict_path(delivery.item_id, seat)
        oid, author = self._state.verdicts.get(path, ("", None))
        if author is None:
            return None
        by: Person = author
        return read_vote(seat, path, self._state.reader.blob(oid), delivery, lambda: by, reviewers)

    def made(self, evidence: Evidence) -> dict[str, bool]:
        """The paths that a proposal changes, and whether each is new. Git may have let it go; then the patch tells."""
        if self._objects.read(evidence.proposal) is None:
            return made_by(self.file(PATCH) or b"")
        changes = outside(self._objects, evidence.base, evidence.proposal)
        return {change.path: change.old is None for change in changes}

    def merges_to(self, evidence: Evidence, target: str) -> bool:
        """Whether the proposal merged with a target is what the checks ran on."""
        merge = self._repository.merged_content(evidence.base, evidence.proposal, target)
        return not merge.conflicts and merge.tree == evidence.tree


def subject_found(reader: Reader, record: ItemRecord, delivered: Entry, effective: Effective) -> Iterator[str]:
    """What is wrong with a subject, computed again from what is committed."""
    item = reader.item(record)
    if item is None or not effective.source:
        yield "was delivered without an item or a contract that can be read"
        return
    prefix = run_path(delivered.run)
    files = {path.removeprefix(prefix): oid for path, oid in record.run.items() if path.startswith(prefix)}
    patch = reader.blob(files[PATCH]) if PATCH in files else b""
    left = left_by_worker({name: reader.blob(oid) for name, oid in files.items() if is_by_worker(name)})
    subject = subject_of(item, reader.blob(effective.source), effective.policy.governing(), patch, left)
    if subject != delivered.subject:
        yield f"was judged as {(delivered.subject or 'no subject')[:19]}…, and the commits give {subject[:19]}…"


def _is_recheck(path: str) -> bool:
    found = parse(path)
    return isinstance(found, RunFile) and found.name == RECHECK
