"""The finish: whether what ended was covered by what its contract asked for at that time, and what came in by it."""

from collections.abc import Iterator

from pydantic import ValidationError

from factory.execution.apply_command import ApplyNote
from factory.line.mission.standing import steering_of
from factory.line.snapshot import SnapshotReader
from factory.model.contract import ApplyMode, CheckWhen, Contract, SeatKind
from factory.model.errors import FactoryError
from factory.model.evidence import Evidence
from factory.model.item import Item
from factory.model.journal import Entry, MergeCheck
from factory.model.lifecycle import Event, Outcome
from factory.model.run_layout import APPLY, EVIDENCE, PATCH
from factory.report.audit.content import Brought, content_name, outside
from factory.report.audit.judgement import Judgement, RuleBroken, subject_found
from factory.report.audit.proposals import does_no_more
from factory.report.audit.rules import Rule
from factory.report.audit.state import AuditState
from factory.report.audit.transition import Line, Transition
from factory.report.audit.yardstick import unmeasured
from factory.store.plans import bounded_paths


class Finish:
    """One item at the commit that finished or rejected it."""

    def __init__(self, state: AuditState, line: Line, transition: Transition, brought: Brought | None = None) -> None:
        self._state = state
        self._repository = state.repository
        self._objects = state.objects
        self._reader = state.reader
        self._record, self._entry = line
        self._transition = transition
        self._brought = brought
        self._judgement = Judgement(state, line, transition.step)

    @property
    def _approved(self) -> bool:
        """Whether it says that it was let through: it is done, or a mission that begins with its plan."""
        return self._entry.event in (Event.FINISH, Event.OPEN)

    @property
    def _applied(self) -> bool:
        """Whether something came into the target with it."""
        return self._entry.event is Event.OPEN or self._entry.outcome is Outcome.APPLIED

    def dismissed(self) -> frozenset[str]:
        """The loose ends of which a person said, in a verdict that counts, that nothing is to be done."""
        judgement = self._judgement
        item, contract, delivered = judgement.item, judgement.effective.contract, judgement.delivered
        if delivered is None or item is None or contract is None:
            return frozenset()
        evidence = judgement.evidence()
        if evidence is None or judgement.read(EVIDENCE) is None:
            return frozenset()
        try:
            return judgement.assessed(delivered, item, contract, evidence).dismissed
        except FactoryError:  # then nothing can be proven of it, which is found
            return frozenset()

    def found(self) -> Iterator[RuleBroken]:
        """Everything that is missing or does not fit."""
        judgement = self._judgement
        item, contract, delivered = judgement.item, judgement.effective.contract, judgement.delivered
        if delivered is None or item is None or contract is None:
            yield Rule.COVERED, "was finished, and there is no delivery, item or contract that it could be judged by"
            return
        evidence, first = judgement.evidence(), judgement.read(EVIDENCE)
        if evidence is None or first is None:
            yield Rule.COVERED, "was finished without evidence"
            return
        for text in subject_found(self._reader, self._record, delivered, judgement.effective):
            yield Rule.SUBJECT, text
        if first.findings() != delivered.findings:
            yield Rule.COVERED, "was delivered with other findings than its evidence has"
        try:
            yield from self._judged(delivered, item, contract, evidence)
            if self._approved:
                yield from self._same(delivered, evidence)
                yield from self._patch(evidence)
                mode = contract.apply.mode
                yield from self._by_command() if mode is ApplyMode.COMMAND else self._merged(evidence, mode)
        except FactoryError as error:
            yield Rule.MERGED, f"cannot be proven: {error.message}"

    def _same(self, delivered: Entry, evidence: Evidence) -> Iterator[RuleBroken]:
        """Whether what was finished is what was delivered."""
        if self._entry.subject != delivered.subject:
            yield Rule.SUBJECT, "was finished under another subject than the one that was delivered"
        if not evidence.proposal == self._entry.proposal == delivered.proposal:
            yield Rule.COVERED, "was finished with another proposal than the one that was delivered and checked"

    def _judged(self, delivered: Entry, item: Item, contract: Contract, evidence: Evidence) -> Iterator[RuleBroken]:
        """The gate's own decision on what is committed, by the policy of that time."""
        missing = _unasked(self._judgement.read(EVIDENCE), item, contract, evidence)
        if self._entry.event is Event.REJECT:
            missing -= set(evidence.pending)
        if missing and not evidence.conflicts:
            yield Rule.COVERED, f"was finished without the check {', '.join(sorted(missing))}"
        if evidence.bounded and not self._bounded(item, evidence):
            yield Rule.COVERED, "was let through as within bounds, and by what is committed it is not"
        for text in unmeasured(self._repository, self._judgement, contract, evidence):
            yield Rule.COVERED, text
        if item.hold and self._applied:
            yield Rule.COVERED, "was applied, and is on hold"
        assessed = self._judgement.assessed(delivered, item, contract, evidence)
        decision = assessed.decision
        worker = "" if contract.worker.run else self._record.history.worker
        makers = () if contract.worker.run else self._record.history.makers
        sat = {each.seat: each.reviewer for each in self._entry.verdicts}
        for seat in contract.review.seats:
            itself = (seat.agent or "", seat.run) == (worker, contract.worker.run) and seat.role is None
            made = {f"{maker} ({SeatKind.AGENT})" for maker in makers}
            if seat.by_machine and ((itself and not item.by_itself) or sat.get(seat.name) in made):
                yield Rule.REVIEWER, f"was judged in the seat {seat.name} by its own worker"
        event = Event.FINISH if self._approved else self._entry.event
        if (decision.event, decision.verdicts) != (event, self._entry.verdicts):
            yield from assessed.refused  # a verdict that nobody counted is kept with the run, and breaks nothing
        if (self._entry.event is Event.OPEN) is not contract.produces.plan and self._approved:
            yield (
                Rule.COVERED,
                "was opened as a mission, and is none"
                if self._entry.event is Event.OPEN
                else ("is a mission, and was finished with its plan"),
            )
        if decision.event is not event:
            how = "rejected" if self._entry.event is Event.REJECT else "finished"
            yield Rule.COVERED, f"was {how}, and by what is committed it {decision.reason or 'could not be'}"
        elif decision.verdicts != self._entry.verdicts:
            yield Rule.COVERED, "has other verdicts in its journal than in its files"

    def _bounded(self, item: Item, evidence: Evidence) -> bool:
        """Whether what a steer made of a plan is within the bounds of that time."""
        applied = self._entry.applied or ""
        if not self._judgement.is_commit(applied) or not item.steers or not item.mission:
            return False
        commit = self._objects.commit(applied)
        before, tree = self._objects.commit(commit.parents[0]).tree, self._transition.step.tree_before
        record = self._state.record(item.mission).history.mission
        if not record.steers(self._record.id):
            return False
        steering = steering_of(SnapshotReader(self._repository, ""), tree, item.mission, record)
        return evidence.bounded == bounded_paths(self._objects, before, commit.tree, steering)

    def _patch(self, evidence: Evidence) -> Iterator[RuleBroken]:
        ends = evidence.base, evidence.proposal
        if self._objects.read(evidence.proposal) is None:  # of a squash, or of nothing applied: git let it go
            applied = self._entry.applied or ""
            before = self._objects.commit(applied).parents[0] if self._objects.read(applied) else ""
            if not before or not self._judgement.same_content(before, evidence.base):
                return  # what came in is still held against the evidence
            ends = before, applied
        made = self._reader.patch(*ends)
        if (self._judgement.file(PATCH) or b"") != made:
            yield (
                Rule.PATCH,
                f"was judged by a patch.diff that is not what the proposal {evidence.proposal[:10]} changes",
            )

    def _by_command(self) -> Iterator[RuleBroken]:
        """Whether the outcome of an apply command is recorded, for the subject that was judged."""
        data = self._judgement.file(APPLY)
        try:
            note = ApplyNote.model_validate_json(data) if data else None
        except ValidationError:
            note = None
        if self._entry.outcome is not Outcome.APPLIED:
            yield Rule.MERGED, "was accepted, and its contract has a command carry the decision out"
        elif note is None or note.subject != self._entry.subject:
            yield Rule.MERGED, "was applied by a command, and the command's outcome for this subject is not recorded"
        elif not note.ended or note.exit_code != 0:
            yield Rule.MERGED, "was finished, and its apply command failed"

    def _merged(self, evidence: Evidence, mode: ApplyMode) -> Iterator[RuleBroken]:
        applied, policy = self._entry.applied, self._judgement.effective.policy
        merges = mode in (ApplyMode.MERGE, ApplyMode.SQUASH) and evidence.proposal != evidence.base
        if not self._applied:
            if applied:
                yield Rule.MERGED, "was accepted without a change, and the journal names a merge"
            elif merges:
                yield Rule.MERGED, "was accepted, and the change that its contract wants merged is not"
        elif not merges:
            yield Rule.MERGED, f"was applied, and with apply.mode {mode} there was nothing to merge"
        elif self._transition.carried:
            yield from self._carried()
        elif applied is not None and self._judgement.is_commit(applied):
            yield from self._by_merge(evidence, applied)
        elif applied is None or policy.target_branch == policy.branch:  # else it is looked for on that other branch
            yield Rule.MERGED, "was applied, and the journal does not say by which commit"

    def _carried(self) -> Iterator[RuleBroken]:
        """Whether what somebody carried here with the finish is what was judged; on what, is theirs to answer for."""
        if self._brought is None:
            yield Rule.UNAPPROVED, "was finished, and nothing came in for it here"
        elif not does_no_more(self._reader, self._brought.commit, self._judgement.file(PATCH) or b""):
            yield Rule.MERGED, f"was finished by {self._brought.commit[:10]}, which does something else"

    def _by_merge(self, evidence: Evidence, applied: str) -> Iterator[RuleBroken]:
        objects, commit, policy = self._objects, self._objects.commit(applied), self._judgement.effective.policy
        if policy.target_branch == policy.branch and applied not in self._transition.step.parents[:1]:
            yield Rule.UNAPPROVED, f"was finished by {applied[:10]}, which is not the merge that was made for it"
        if not commit.parents or commit.parents[1:] not in ((), (evidence.proposal,)):
            yield Rule.MERGED, f"was finished by {applied[:10]}, which merged something else"
            return
        said = self._entry.merged
        if said and said != MergeCheck(mode=evidence.mode or said.mode, tree=evidence.proven or evidence.tree):
            yield Rule.MERGED, "was proven in another way than its journal says"
        if content_name(objects, commit.tree) != evidence.tree:
            yield Rule.MERGED, f"was checked on another content than {applied[:10]} brought in"
        elif not self._judgement.brought_in(evidence):
            yield Rule.MERGED, f"was checked on another target than {applied[:10]} was made on"
        elif objects.read(evidence.proposal) is not None:
            before = commit.parents[0]
            same = set(outside(objects, before, applied)) == set(outside(objects, evidence.base, evidence.proposal))
            if not same and not self._judgement.merges_to(evidence, before):
                yield Rule.MERGED, f"was finished by {applied[:10]}, which is not the proposal merged with the target"


def _unasked(first: Evidence | None, item: Item, contract: Contract, last: Evidence) -> set[str]:
    """The checks that its contract asks for and that were not run: at delivery, and on what was about to be merged."""
    acceptance = {f"acceptance/{each.id}" for each in contract.criteria(item)}
    named = {check.name: contract.when(check) for check in contract.checks}
    if last.mode is None:  # the delivery's own was enough
        return (named.keys() | acceptance) - {ran.name for ran in last.ran}
    early = {name for name, when in named.items() if when is not CheckWhen.TRAIN} | acceptance
    late = {name for name, when in named.items() if when is not CheckWhen.DELIVERY} | acceptance
    delivered = {ran.name for ran in first.ran} if first else set()
    return (early - delivered) | (late - {ran.name for ran in last.ran})
