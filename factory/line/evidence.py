"""Evidence: checks, and what the worker claims, run by the factory on the proposal as it would be merged now."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from factory.line.bench import Bench, Question, environment_of, questions
from factory.line.canary import CanaryCheck
from factory.line.proofs import Proof, Proofs, Recall
from factory.line.yardstick import content_for_checks, instruments_among, seat_argvs
from factory.model.base import Argv, printable
from factory.model.evidence import TAIL_LINES, Evidence, Ran
from factory.model.paths import matches
from factory.model.result import Claim
from factory.store.canaries import Canaries
from factory.store.repository.repository import Merge, Repository
from factory.store.repository.trees import diff
from factory.work.left import change_breaches, line_breaches
from factory.work.order import Order
from factory.work.run import Alive
from factory.work.setup import beside
from factory.work.shares import fingerprint
from factory.work.workcell import Cells

_TAIL_CHARACTERS = 4000


@dataclass(frozen=True)
class Gathered:
    """Evidence, and the logs of the commands by file name."""

    evidence: Evidence
    logs: Mapping[str, bytes]


def merged_content(repository: Repository, base: str, proposal: str, target: str) -> Merge:
    """What the target would hold with the proposal merged; without the factory's own folders."""
    objects = repository.objects
    before, now = (repository.content(objects.commit(commit).tree) for commit in (base, target))
    if before == now:
        return Merge(repository.content(objects.commit(proposal).tree), ())
    merge = repository.merge(target, proposal)
    return Merge(repository.content(merge.tree), merge.conflicts)


def _astray(repository: Repository, order: Order, proposal: str, target: str, tree: str) -> Iterator[str]:
    """The paths to which a merge carries a change, with a file that was moved meanwhile, and where none is allowed.

    Like a conflict: the next round makes its change there for everybody to see, or not at all.
    """
    objects, contract = repository.objects, order.contract
    now = repository.content(objects.commit(target).tree)
    landing = tuple(diff(objects, now, tree))
    made = set(repository.changed(order.base, proposal))
    carried = {change.path for change in landing if change.path not in made}
    if not carried:
        return
    breaches = [*change_breaches(landing, order, objects), *line_breaches(repository.patch(now, tree), contract)]
    beyond = any(not path for path, _ in breaches)
    refused = {path for path, _ in breaches}
    for path in sorted(carried):
        if beyond or path in refused or matches(path, order.policy.guarded):
            yield path


@dataclass(frozen=True)
class _Contents:
    """The trees that commands are run on."""

    merged: str
    checked: str  # the same, with what the contract takes from the target
    before: str  # the target's own


class Gatherer:
    """Runs every check, acceptance check and claim, each in a clean checkout."""

    def __init__(self, repository: Repository, cells: Cells, doing: Callable[[str, str], None]) -> None:
        self._repository = repository
        self._cells = cells
        self._doing = doing  # told the item, and which of its checks is being run
        self._proofs = Proofs()
        self._canary = CanaryCheck(Canaries(repository.state))

    def gather(
        self,
        order: Order,
        proposal: str,
        target: str,
        stop: threading.Event,
        alive: Alive = lambda: None,
        claims: tuple[Claim, ...] = (),
    ) -> Gathered:
        """The evidence for a proposal. Raises FactoryError when something cannot be run at all."""
        merge = merged_content(self._repository, order.base, proposal, target)
        astray = merge.conflicts or tuple(_astray(self._repository, order, proposal, target, merge.tree))
        if astray:
            paths = tuple(printable(path) for path in astray)
            return Gathered(Evidence(base=order.base, proposal=proposal, target=target, tree="", conflicts=paths), {})
        objects, environment = self._repository.objects, environment_of(order)
        recall = Recall(self._proofs, environment + fingerprint(beside(self._cells, order)))
        bench = Bench(self._repository, self._cells, recall, order, environment, stop, alive)
        before = self._repository.content(objects.commit(target).tree)
        asked = tuple(questions(order, claims))
        checks = tuple(question.argv for question in asked if question.claimed is None)
        checked = content_for_checks(objects, merge.tree, before, order.contract, checks)
        ran, logs = self._ran(bench, asked, _Contents(merge.tree, checked, before), target)
        passed = all(each.passed for each in ran)
        found = Evidence(
            base=order.base,
            proposal=proposal,
            target=target,
            tree=merge.tree,
            environment=environment,
            ran=ran,
            instruments=self._instruments(order, checks, proposal, before, merge.tree),
            silent=self._canary.silent(bench, checked, target) if passed else (),
        )
        return Gathered(found, logs)

    def _ran(
        self, bench: Bench, asked: Iterable[Question], contents: _Contents, target: str
    ) -> tuple[tuple[Ran, ...], dict[str, bytes]]:
        """How every command ended, and the logs by file name."""
        ran: list[Ran] = []
        logs: dict[str, bytes] = {}
        for question in asked:
            self._doing(bench.order.item_id, f"checking {question.name}")
            # A claim is about what the worker had before it, its own tests included.
            tree = contents.merged if question.claimed is not None else contents.checked
            proof = bench.prove(question, tree, target)
            first = bench.prove(question, contents.before, target) if question.must_fail_before else None
            ran.append(_answer(question, proof, first, tree if tree != contents.merged else ""))
            logs[f"checks/{question.name}.log"] = proof.log
            if first is not None:
                logs[f"checks/{question.name}.before.log"] = first.log
        return tuple(ran), logs

    def _instruments(
        self, order: Order, checks: tuple[Argv, ...], proposal: str, before: str, merged: str
    ) -> dict[str, str]:
        """What the proposal changes of what judges it, both as it was proposed and as it would come in."""
        made = {change.path: change.old is None for change in self._repository.changes(order.base, proposal)}
        changed = {*made, *(change.path for change in diff(self._repository.objects, before, merged))}
        return instruments_among(order.contract, checks, seat_argvs(order), sorted(changed), made)


def _answer(question: Question, proof: Proof, before: Proof | None, tree: str) -> Ran:
    log = proof.log.decode(errors="replace")
    return Ran(
        name=question.name,
        run=question.argv,
        exit_code=proof.exit_code,
        seconds=proof.seconds,
        problem=proof.problem,
        criterion=question.criterion,
        claimed=question.claimed,
        before=before.exit_code if before else None,
        tree=tree,
        reused=proof.reused,
        tail="\n".join(log.split("\n")[-TAIL_LINES:]).strip()[-_TAIL_CHARACTERS:],
    )
