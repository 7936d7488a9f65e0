"""Borrowed results: whether what a finished item's checks are said to have come to was run, or is of a run like it."""

from collections.abc import Iterator
from typing import NamedTuple

from factory.execution.checks.precedents import unfounded
from factory.execution.checks.reads import ReadContents, reads_of
from factory.model.base import digest
from factory.model.errors import FactoryError
from factory.model.evidence import Evidence, Ran
from factory.model.lifecycle import Event
from factory.model.run_layout import EVIDENCE
from factory.report.audit.judgement import Judgement
from factory.report.audit.rules import Found, Rule, Violation
from factory.report.audit.state import AuditState
from factory.report.audit.transition import Transition
from factory.report.audit.yardstick import content_checked
from factory.store.artifacts import Artifacts


class Rest(NamedTuple):
    """The run that one check of a finished item rests on."""

    item: str
    check: str
    by: str  # the item whose run it is: its own, or the one that lent the result
    run: int
    proof: str  # evidence, of its delivery; recheck, of the merge train
    tree: str  # the content that it ran on


class Borrowed:
    """Goes along a branch from finish to finish, and remembers what each rests on."""

    def __init__(self, state: AuditState) -> None:
        self._state = state
        self._artifacts = Artifacts(state.objects)
        self._contents = ReadContents(state.objects)
        self.rests: list[Rest] = []

    def check(self, transition: Transition) -> Iterator[Violation]:
        """What is wrong with the results that a finish has taken over."""
        for judgement in self._finished(transition):
            yield from transition.violations(self._found(transition, judgement))

    def advance(self, transition: Transition) -> None:
        """Go on to a commit: what its finish rests on."""
        for judgement in self._finished(transition):
            for proof, evidence, ran in _proven(judgement):
                own = (transition.item_id, judgement.run, proof, ran.tree or evidence.proven or evidence.tree)
                taken = ran.taken
                by = (taken.item, taken.run, taken.proof, taken.tree) if taken else own
                self.rests.append(Rest(transition.item_id, ran.name, *by))

    def _finished(self, transition: Transition) -> Iterator[Judgement]:
        """The judgement on an item that a move finished."""
        last = transition.lines[-1:] if transition.moved else ()
        for line in last:
            if line.entry.event is Event.FINISH:
                judgement = Judgement(self._state, line, transition.step)
                if judgement.delivered is not None:
                    yield judgement

    def _found(self, transition: Transition, judgement: Judgement) -> Iterator[Found]:
        path, before = transition.lines[-1].record.path, transition.step.tree_before
        for proof, evidence, ran in _proven(judgement):
            if ran.taken is None and not ran.read:
                continue
            wrong = unfounded(self._artifacts, before, evidence, ran) or self._not_of(judgement, evidence, ran)
            if not wrong and proof != _DELIVERY and not transition.carried:
                wrong = self._read_otherwise(judgement, evidence, ran)
            if wrong:
                whose = f"from {ran.taken.told}" if ran.taken else "of its own"
                yield Rule.BORROWED, path, f"{transition.item_id} has the check {ran.name} {whose}, {wrong}"

    def _not_of(self, judgement: Judgement, evidence: Evidence, ran: Ran) -> str:
        """Whether a result counts for the contract, as it was then."""
        if ran.taken is None:
            return ""
        effective = judgement.effective
        if not effective.source or evidence.contract != digest(self._state.reader.blob(effective.source)):
            return "which was judged by another text of the contract"
        network = effective.contract is not None and effective.contract.worker.sandbox.network
        return "which hangs on the network" if network else ""

    def _read_otherwise(self, judgement: Judgement, evidence: Evidence, ran: Ran) -> str:
        """Whether what came in has something else where the check reads, as far as that can be looked at."""
        contract, objects = judgement.effective.contract, self._state.objects
        if contract is None or not ran.read:
            return ""
        checks = tuple(each.run for each in evidence.ran if each.claimed is None)
        applied = judgement.entry.applied or ""
        try:
            if judgement.is_commit(applied):  # a clone holds the content that came in as a part of that commit alone
                self._state.repository.content(objects.commit(applied).tree)
            tree = content_checked(self._state.repository, judgement, contract, evidence, checks)
            if not tree or objects.read(tree) is None:
                return ""
            reads = reads_of(judgement.effective.policy, contract, ran.name)
            right = {tree, self._contents.digest(tree, contract, ran.run, reads)}
        except FactoryError:
            return ""  # then nothing can be told of what came in, which is found
        return "" if ran.read in right else "which read another content than came in"


_DELIVERY = "evidence"


def _proven(judgement: Judgement) -> Iterator[tuple[str, Evidence, Ran]]:
    """Every command that an item was finished by: of the last proof, and what its delivery alone has."""
    last, first = judgement.evidence(), judgement.read(EVIDENCE)
    if last is None:
        return
    proof = "recheck" if last.mode is not None else _DELIVERY
    yield from ((proof, last, ran) for ran in last.ran if ran.claimed is None)
    known = {ran.name for ran in last.ran}
    if first is not None and last is not first:
        yield from ((_DELIVERY, first, ran) for ran in first.ran if ran.claimed is None and ran.name not in known)
