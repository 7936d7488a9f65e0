"""Apply: the only step that changes anything outside queue/ and artifacts/."""

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import JsonValue

from factory.line.evidence import merged_content
from factory.line.floor import Floor
from factory.line.handoff import file_loose_ends
from factory.line.hindrance import obstacles
from factory.line.judge import Judged
from factory.line.ledger import Move, quoted
from factory.line.ordering import order_of
from factory.line.record import recheck_files
from factory.line.survey import Case, Survey
from factory.model.base import printable
from factory.model.contract import ApplyMode
from factory.model.failure import FailureClass
from factory.model.lifecycle import Event, Lane, NotApplied, Outcome
from factory.store.files import as_json
from factory.store.repository.batch import Signature, add_commit
from factory.store.repository.refs import RefUpdate
from factory.store.repository.trees import diff
from factory.work.command import Applied

NO_FILES: Mapping[str, bytes] = MappingProxyType({})
_UNKNOWN = (
    "a crash came while the apply command ran, and nobody knows how far it got; see whether it did its work: then "
    "move the item to queue/done, else change it a little and send it back to work"
)
_CHANGES_NOTHING = frozenset({ApplyMode.NONE, ApplyMode.BRANCH})


def apply(floor: Floor, survey: Survey, approved: list[Judged]) -> None:
    """Apply what the gate approved, one after the other, each on what the one before left."""
    for judged in approved:
        with floor.sparing_others(judged.case):
            _apply_one(floor, survey, judged)
        floor.ledger.publish_when_due()
    floor.ledger.publish()


def _apply_one(floor: Floor, survey: Survey, judged: Judged) -> None:
    case = judged.case
    assert case.contract is not None and case.item is not None
    if case.item.hold:
        return
    if case.contract.apply.mode is ApplyMode.COMMAND:
        _by_command(floor, survey, judged)
        return
    changes_nothing = judged.evidence.proposal == judged.evidence.base
    if changes_nothing or case.contract.apply.mode in _CHANGES_NOTHING:
        files = {"pull-request.md": pull_request(judged)} if case.contract.apply.mode is ApplyMode.BRANCH else NO_FILES
        _finish(floor, survey, judged, Outcome.ACCEPTED, files=files)
        return
    target, content = _target_head(floor, survey), judged.evidence.tree
    if not _checked_on(floor, judged, target):
        _recheck(floor, survey, case)
    elif not obstacles(floor.repository, survey.policy.target_branch, content):
        commit = _merge(floor, survey, judged, target, content)
        _finish(floor, survey, judged, Outcome.APPLIED, commit)


def pull_request(judged: Judged) -> bytes:
    """What a person puts into the pull request for the branch that is left."""
    case = judged.case
    assert case.item is not None
    checks = [f"- {printable(ran.name)}: `{printable(' '.join(ran.run))}` passed" for ran in judged.evidence.ran]
    lines = [
        f"# {printable(' '.join(case.item.title.split()))}",
        "",
        printable(case.item.description.strip()) or "(no description)",
        "",
        f"Branch `factory/{case.id}`, {judged.ruling.reason}.",
        f"Subject `{judged.subject}`, round {case.history.round}, run {case.history.run}.",
        *(["", "## Checks", *checks] if checks else []),
    ]
    return "\n".join([*lines, ""]).encode()


def _by_command(floor: Floor, survey: Survey, judged: Judged) -> None:
    """Have the contract's command carry the decision out, at most once for this subject, also across a crash."""
    case, crew = judged.case, floor.crew
    problem = crew.apply_ended(judged.subject)
    if problem is None:
        return  # under way
    note = crew.notes.read(judged.subject)
    if note is None and not problem:
        objects, evidence = floor.repository.objects, judged.evidence
        signed = Signature(floor.me, floor.me, floor.clock())
        # The target's own files, not the proposal's: what is run here has secrets, and must not be what a worker wrote.
        content = floor.repository.content(objects.commit(evidence.target).tree)
        commit = add_commit(objects, content, (evidence.target,), "What the decision is about.\n", signed)
        objects.flush()
        crew.start_apply(order_of(survey, case, evidence.base, commit), judged.subject, _decision(judged))
    elif note is not None and note.ended and note.exit_code == 0:
        files = {"apply.json": as_json(note.model_dump(mode="json"))}
        _finish(floor, survey, judged, Outcome.APPLIED, files=files)
    else:
        how = problem or (_ended(note) if note and note.ended else _UNKNOWN)
        files = {"apply.json": as_json(note.model_dump(mode="json"))} if note else {}
        known = problem or (note is not None and note.ended)
        details: dict[str, object] = {"reason": how, "failure": FailureClass.CONFIG, "subject": judged.subject}
        details["not_applied"] = NotApplied.COMMAND_FAILED if known else NotApplied.COMMAND_UNKNOWN
        move = Move(Event.BLOCK, Lane.BLOCKED, details, files)
        survey.cases[case.id] = floor.ledger.move(case, move, survey.snapshot.verdicts)


def _ended(note: Applied) -> str:
    how = note.problem or f"ended with exit status {note.exit_code}"
    return f"the apply command {how}; it is not run again for this subject"


def _decision(judged: Judged) -> dict[str, JsonValue]:
    """What an apply command gets on its standard input."""
    case = judged.case
    assert case.item is not None
    return {
        "item": {"id": case.id, **case.item.model_dump(mode="json")},
        "run": case.history.run,
        "round": case.history.round,
        "subject": judged.subject,
        "proposal": judged.evidence.proposal,
        "base": judged.evidence.base,
        "reason": judged.ruling.reason,
        "verdicts": [verdict.model_dump(mode="json") for verdict in judged.ruling.verdicts],
    }


def _checked_on(floor: Floor, judged: Judged, target: str) -> bool:
    """Whether the checks ran on the proposal merged with what the target holds now."""
    objects, content = floor.repository.objects, floor.repository.content
    if not objects.holds(judged.evidence.target):
        return False  # somebody has made the target's history anew
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


def _recheck(floor: Floor, survey: Survey, case: Case) -> None:
    """Have the checks run again on what the target holds now; to a person when they cannot be."""
    problem = floor.crew.unprovable.pop(case.id, "")
    if problem:
        details: dict[str, object] = {"reason": problem, "failure": FailureClass.CONFIG}
        details["not_applied"] = NotApplied.UNPROVABLE
        move = Move(Event.BLOCK, Lane.BLOCKED, details)
        survey.cases[case.id] = floor.ledger.move(case, move, survey.snapshot.verdicts)
    elif floor.crew.recheck is None:  # one at a time, since each apply makes the next one necessary
        base = floor.repository.objects.commit(case.history.proposal).parents[0]
        floor.crew.start_recheck(order_of(survey, case, base, base), case.history.proposal)


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


def _finish(
    floor: Floor,
    survey: Survey,
    judged: Judged,
    outcome: Outcome,
    commit: str | None = None,
    files: Mapping[str, bytes] = NO_FILES,
) -> None:
    case, ruling = judged.case, judged.ruling
    assert case.contract is not None
    details: dict[str, object] = {"reason": ruling.reason, "verdicts": ruling.verdicts, "outcome": outcome}
    details |= {"subject": judged.subject, "proposal": judged.evidence.proposal, "applied": commit}
    files = {**recheck_files(floor.crew.taken(case.id, case.history.proposal)), **files}
    survey.cases[case.id] = floor.ledger.move(
        case,
        Move(Event.FINISH, Lane.DONE, details, files, keeps_branch=case.contract.apply.mode is ApplyMode.BRANCH),
        survey.snapshot.verdicts,
    )
    file_loose_ends(floor, survey, judged)
