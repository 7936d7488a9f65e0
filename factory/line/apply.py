"""Apply: the only step that changes anything outside queue/ and artifacts/."""

from factory.line.evidence import merged_content
from factory.line.floor import Floor
from factory.line.judge import Judged, newer_evidence
from factory.line.ledger import Move, quoted
from factory.line.survey import Case, Survey
from factory.model.base import printable
from factory.model.contract import ApplyMode
from factory.model.lifecycle import Event, Lane, Outcome
from factory.store.repository.commits import NOTHING, RefUpdate, Signature, add_commit
from factory.store.repository.repository import Repository, branch_of
from factory.store.repository.trees import diff
from factory.work.run import Order

_CHANGES_NOTHING = frozenset({ApplyMode.NONE, ApplyMode.BRANCH})


def apply(floor: Floor, survey: Survey, approved: list[Judged]) -> None:
    """Apply what the gate approved, one after the other, each on what the one before left."""
    for judged in approved:
        _apply_one(floor, survey, judged)
        floor.ledger.publish_when_due()
    floor.ledger.publish()


def _apply_one(floor: Floor, survey: Survey, judged: Judged) -> None:
    case = judged.case
    assert case.contract is not None and case.item is not None
    if case.item.hold:
        return
    changes_nothing = judged.evidence.proposal == judged.evidence.base
    if changes_nothing or case.contract.apply.mode in _CHANGES_NOTHING:
        _finish(floor, survey, judged, Outcome.ACCEPTED)
        return
    target, content = _target_head(floor, survey), judged.evidence.tree
    if not _checked_on(floor, judged, target):
        # One recheck at a time, since each apply makes the next one necessary. It also finds conflicts.
        if floor.crew.recheck is None:
            floor.crew.start_recheck(order_of(floor, case), case.history.proposal)
    elif not obstacles(floor.repository, survey.policy.target_branch, content):
        commit = _merge(floor, survey, judged, target, content)
        _finish(floor, survey, judged, Outcome.APPLIED, commit)


def _checked_on(floor: Floor, judged: Judged, target: str) -> bool:
    """Whether the checks ran on the proposal merged with what the target holds now."""
    objects, content = floor.repository.objects, floor.repository.content
    if content(objects.commit(judged.evidence.target).tree) != content(objects.commit(target).tree):
        return False
    # Made again from the proposal itself: what is merged must not hang on a file that somebody could have edited.
    proposal = judged.case.history.proposal
    merge = merged_content(floor.repository, objects.commit(proposal).parents[0], proposal, target)
    return judged.evidence.proposal == proposal and judged.evidence.tree == merge.tree


def _target_head(floor: Floor, survey: Survey) -> str:
    """The target as the batch being written has it."""
    target = survey.policy.target_branch
    if target == floor.branch:
        return floor.ledger.head
    moved = next((update.new for update in reversed(floor.ledger.batch.others) if update.branch == target), None)
    return moved or floor.repository.head(target) or floor.ledger.head


def order_of(floor: Floor, case: Case) -> Order:
    """The order under which an item's present proposal was made, as far as its checks need it."""
    assert case.contract is not None and case.item is not None
    base = floor.repository.objects.commit(case.history.proposal).parents[0]
    return Order(
        item_id=case.id,
        item=case.item,
        contract=case.contract,
        prompt="",
        run=case.history.run,
        round=case.history.round,
        base=base,
        start=base,
        findings=(),
    )


def obstacles(repository: Repository, branch: str, content: str) -> list[str]:
    """Files of a branch's working tree in which a person has changes that new content would write over."""
    view, target = repository.view_of(branch), repository.head(branch)
    if view is None or target is None:
        return []
    objects = repository.objects
    changes = list(diff(objects, repository.content(objects.commit(target).tree), content))
    return view.local_changes(changes)


def _merge(floor: Floor, survey: Survey, judged: Judged, target: str, content: str) -> str:
    """The commit that brings the proposal into the target."""
    case, contract = judged.case, judged.case.contract
    assert contract is not None and case.item is not None
    signed = Signature(floor.me, floor.me, floor.clock())
    squash = contract.apply.mode is ApplyMode.SQUASH
    merged = () if squash else (judged.evidence.proposal,)
    title = printable(" ".join(case.item.title.split()))
    text = f"{'' if squash else 'Merge '}{case.id}: {title}\n\n{quoted(judged.ruling.reason)}\n\n"
    text += f"Factory-Item: {case.id}\nFactory-Subject: {judged.subject}\nFactory-Actor: {floor.me}\n"
    if survey.policy.target_branch == floor.branch:
        batch = floor.ledger.batch
        for change in diff(floor.repository.objects, floor.repository.content(batch.tree.write()), content):
            if change.new is None:
                batch.tree.remove(change.path)
            else:
                batch.tree.put(change.path, change.new)
        return batch.commit(text, signed, *merged)
    objects = floor.repository.objects
    tree = floor.repository.with_content(objects.commit(target).tree, content)
    commit = add_commit(objects, tree, (target, *merged), text, signed)
    floor.ledger.also(RefUpdate(survey.policy.target_branch, target, commit))
    return commit


def _finish(floor: Floor, survey: Survey, judged: Judged, outcome: Outcome, commit: str | None = None) -> None:
    case, ruling = judged.case, judged.ruling
    assert case.contract is not None
    details: dict[str, object] = {"reason": ruling.reason, "verdicts": ruling.verdicts, "outcome": outcome}
    details |= {"subject": judged.subject, "proposal": judged.evidence.proposal, "applied": commit}
    if case.contract.apply.mode is not ApplyMode.BRANCH:
        branch = branch_of(case.id)
        old = floor.repository.head(branch)
        if old is not None and floor.repository.view_of(branch) is None:
            floor.ledger.also(RefUpdate(branch, old, NOTHING))
    move = Move(Event.FINISH, Lane.DONE, details, newer_evidence(floor, case))
    survey.cases[case.id] = floor.ledger.move(case, move, survey.snapshot.verdicts)
    floor.crew.rechecked.pop(case.id, None)
