"""Reused results: whether what a finished item's checks are said to have come to was run, or is of a run like it."""

from collections.abc import Iterator
from typing import NamedTuple

from factory.execution.checks.committed_runs import wrong_reuse
from factory.execution.checks.reads import ReadContents, reads_of
from factory.model.base import digest
from factory.model.contract import Contract
from factory.model.errors import FactoryError
from factory.model.evidence import Evidence, Ran
from factory.model.lifecycle import Event
from factory.model.policy import Policy
from factory.model.run_layout import EVIDENCE, RECHECK
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
    by: str  # the item whose run it is: its own, or the one whose result is reused
    run: int
    file: str  # that the run left: evidence.json, of its delivery; recheck.json, of the merge train
    tree: str  # the content that it ran on


class _Unseen(NamedTuple):
    """A check of a batch of the merge train, of which not all has come in yet."""

    commit: str
    path: str
    text: str  # what is wrong, if it is
    policy: Policy
    contract: Contract
    ran: Ran
    tree: str  # the content that it was run on, and that has to come


class Reused:
    """Goes along a branch from finish to finish, and remembers what each rests on."""

    def __init__(self, state: AuditState) -> None:
        self._state = state
        self._artifacts = Artifacts(state.objects, state.archive)
        self._contents = ReadContents(state.objects)
        self._unseen: list[_Unseen] = []
        self.rests: list[Rest] = []

    def check(self, transition: Transition) -> Iterator[Violation]:
        """What is wrong with the results that a finish reuses, or those of its batch before it."""
        for judgement in self._finished(transition):
            yield from transition.violations(self._found(transition, judgement))
            came = self._came_in(judgement)
            for unseen in self._unseen:
                if unseen.tree == came and unseen.ran.read not in self._right(unseen):
                    yield Violation(Rule.REUSED, unseen.commit, unseen.path, unseen.text)

    def advance(self, transition: Transition) -> None:
        """Go on to a commit: what its finish rests on."""
        for judgement in self._finished(transition):
            came, path = self._came_in(judgement), transition.lines[-1].record.path
            self._unseen = [unseen for unseen in self._unseen if unseen.tree != came]
            for file, evidence, ran in _finished_by(judgement):
                reused = ran.reused_from
                by = (reused.item, reused.run, reused.file) if reused else (transition.item_id, judgement.run, file)
                self.rests.append(Rest(transition.item_id, ran.name, *by, evidence.ran_on(ran)))
                contract, policy = judgement.effective.contract, judgement.effective.policy
                waits = evidence.proven not in ("", came) and not transition.carried
                if waits and ran.read and contract is not None and contract.checks_from == "proposal":
                    text = _told(transition, ran, _OTHERWISE)
                    unseen = (transition.step.commit, path, text, policy, contract, ran, evidence.proven)
                    self._unseen.append(_Unseen(*unseen))

    def _came_in(self, judgement: Judgement) -> str:
        """The content that a finish brought in; a clone holds it as a part of that commit alone."""
        applied = judgement.entry.applied or ""
        if not judgement.is_commit(applied):
            return ""
        return self._state.repository.content(self._state.objects.commit(applied).tree)

    def _right(self, unseen: _Unseen) -> set[str]:
        reads = reads_of(unseen.policy, unseen.contract, unseen.ran.name)
        return {unseen.tree, self._contents.digest(unseen.tree, unseen.contract, unseen.ran.run, reads)}

    def _finished(self, transition: Transition) -> Iterator[Judgement]:
        """The judgement on an item that a move finished."""
        last = transition.lines[-1:] if transition.moved else ()
        for line in last:
            if line.entry.event is Event.FINISH:
                judgement = Judgement(self._state, line, transition.step)
                if judgement.delivered is not None:
                    yield judgement

    def _found(self, transition: Transition, judgement: Judgement) -> Iterator[Found]:
        path, before, last = transition.lines[-1].record.path, transition.step.tree_before, judgement.evidence()
        for _, evidence, ran in _finished_by(judgement):
            if ran.reused_from is None and not ran.read:
                continue
            wrong = wrong_reuse(self._artifacts, before, evidence, ran) or self._not_of(judgement, evidence, ran)
            if not wrong and evidence == last and not transition.carried:
                wrong = self._read_otherwise(judgement, evidence, ran)
            if wrong:
                yield Rule.REUSED, path, _told(transition, ran, wrong)

    def _not_of(self, judgement: Judgement, evidence: Evidence, ran: Ran) -> str:
        """Whether a result counts for the contract, as it was then."""
        if ran.reused_from is None:
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
        checks = tuple(each.run for each in evidence.ran if each.judges)
        self._came_in(judgement)
        try:
            tree = content_checked(self._state.repository, judgement, contract, evidence, checks)
            if not tree or objects.read(tree) is None:
                return ""
            reads = reads_of(judgement.effective.policy, contract, ran.name)
            right = {tree, self._contents.digest(tree, contract, ran.run, reads)}
        except FactoryError:
            return ""  # then nothing can be told of what came in, which is found
        return "" if ran.read in right else _OTHERWISE


def _told(transition: Transition, ran: Ran, wrong: str) -> str:
    whose = f"from {ran.reused_from.told}" if ran.reused_from else "of its own"
    return f"{transition.item_id} has the check {ran.name} {whose}, {wrong}"


_OTHERWISE = "which read another content than came in"


def _finished_by(judgement: Judgement) -> Iterator[tuple[str, Evidence, Ran]]:
    """Every command that an item was finished by: of the last checks, and what its delivery alone has."""
    last, first = judgement.evidence(), judgement.read(EVIDENCE)
    if last is None:
        return
    file = RECHECK if last.mode is not None else EVIDENCE
    yield from ((file, last, ran) for ran in last.ran if ran.judges)
    known = {ran.name for ran in last.ran}
    if first is not None and last is not first:
        yield from ((EVIDENCE, first, ran) for ran in first.ran if ran.judges and ran.name not in known)
