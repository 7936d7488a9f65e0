"""Judge: put evidence and verdicts of an item in review before the gate. Changes nothing."""

from dataclasses import dataclass, field

from factory.line.gate import Cast, Ruling, decide, guarded, seats_needed, touches
from factory.line.proposal import ensure
from factory.line.review import Matter, cast, cast_of_machine, matter_of, reviewers_of
from factory.line.survey import Case, Survey, Surveyor
from factory.model.contract import Seat, SeatKind
from factory.model.errors import InvalidFile, MachineError, Problem
from factory.model.evidence import Evidence
from factory.model.lifecycle import Event
from factory.model.subject import subject_of
from factory.model.verdict import SUBJECT_CHANGED, Finding, Verdict
from factory.store import yaml
from factory.store.artifacts import left_by_worker, run_folder
from factory.store.queue import VerdictFile
from factory.store.repository.objects import FILE, Person, TreeEntry


@dataclass(frozen=True)
class Judged:
    """An item in review, and the gate's ruling."""

    case: Case
    ruling: Ruling
    evidence: Evidence
    subject: str
    problems: tuple[Problem, ...] = ()
    approvals: tuple[Verdict, ...] = ()  # of people


def judge(surveyor: Surveyor, survey: Survey, case: Case, newer: Evidence | None = None) -> Judged | str:
    """The ruling on one item, or why there can be none. Changes nothing but what this clone holds of its proposal."""
    if case.item is None or case.contract is None:
        return case.problem
    try:
        return _judge(surveyor, survey, case, newer)
    except InvalidFile as error:
        return str(error.problems[0])
    except MachineError as error:
        return error.message


def _judge(surveyor: Surveyor, survey: Survey, case: Case, newer: Evidence | None) -> Judged | str:
    assert case.contract is not None
    evidence = newer or surveyor.artifacts.evidence(survey.tree, case.id, case.history.run)
    if evidence is None or not case.history.subject:
        return "there is no proposal to judge; move it to queue/inbox or queue/rework"
    subject = present_subject(surveyor, survey, case)
    if subject != case.history.subject:
        reason = "what was judged has changed: the item, its contract or the policy is another one than at delivery"
        finding = Finding(id=SUBJECT_CHANGED, severity="major", text=reason)
        return Judged(case, Ruling(Event.REWORK, reason, (finding,)), evidence, subject)
    ensure(surveyor, survey, case, case.history.proposal)
    changed = surveyor.repository.changed(evidence.base, evidence.proposal)
    patterns = guarded(survey.policy, evidence)
    seats = seats_needed(case.contract, changed, patterns)
    needs_person = touches(changed, patterns)
    votes = _votes(surveyor, survey, case, seats, subject)
    ruling = decide(case.contract, seats, evidence, tuple(votes.casts), needs_person, votes.lost)
    people = {seat.name for seat in seats if seat.kind is SeatKind.HUMAN}
    approvals = tuple(vote.verdict for vote in votes.casts if vote.seat in people)
    return Judged(case, ruling, evidence, subject, tuple(votes.problems), approvals)


def present_subject(surveyor: Surveyor, survey: Survey, case: Case) -> str:
    """The subject as it is now."""
    assert case.item is not None
    run_files = surveyor.artifacts.run_files(survey.tree, case.id, case.history.run)
    return subject_of(
        case.item,
        surveyor.library.contract_bytes(survey.tree, case.contract_name or "") or b"",
        survey.policy.governing(),
        run_files.get("patch.diff", b""),
        left_by_worker(run_files),
    )


@dataclass
class _Votes:
    """What the seats said of one item."""

    casts: list[Cast] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)  # with verdict files
    lost: dict[str, str] = field(default_factory=dict)  # why the verdict of a machine seat does not count


def _votes(surveyor: Surveyor, survey: Survey, case: Case, seats: tuple[Seat, ...], subject: str) -> _Votes:
    matter = matter_of(case, subject)
    by_seat = {file.seat: file for file in survey.snapshot.verdicts if file.item_id == case.id}
    votes = _Votes()
    for seat in seats:
        file = by_seat.get(seat.name)
        if seat.by_machine:
            path = f"{run_folder(case.id, case.history.run)}/verdict.{seat.name}.yaml"
            data = surveyor.repository.objects.file(survey.tree, path)
            said = cast_of_machine(seat.name, path, data, matter) if data else "there is none"
            if isinstance(said, str):
                votes.lost[seat.name] = said
            else:
                votes.casts.append(said)
        elif seat.kind is SeatKind.HUMAN and file is not None:
            try:
                vote = _read(surveyor, survey, case, matter, file)
            except InvalidFile as error:
                votes.problems.extend(error.problems)
            else:
                votes.casts.extend([vote] if vote else [])
    return votes


def _read(surveyor: Surveyor, survey: Survey, case: Case, matter: Matter, file: VerdictFile) -> Cast | None:
    repository = surveyor.repository

    def author() -> Person:
        return repository.last_author(survey.head, file.path) or repository.user()

    reviewers = reviewers_of(file.seat, case.contract, survey.policy)
    data = repository.objects.regular(file.path, TreeEntry(FILE, file.blob), yaml.MAX_BYTES)
    return cast(file.seat, file.path, data, matter, author, reviewers)
