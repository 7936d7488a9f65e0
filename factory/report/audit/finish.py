"""The finish: whether what ended as applied or accepted was covered by what its contract asked for at that time."""

from collections.abc import Iterator

from pydantic import ValidationError

from factory.line.gate import Cast, decide, seats_needed, touches
from factory.line.review import Refused, allowed_in, cast, cast_of_machine, matter_of
from factory.line.survey import Case
from factory.model.contract import Contract, SeatKind
from factory.model.errors import FactoryError
from factory.model.evidence import Evidence
from factory.model.item import Item
from factory.model.journal import Entry
from factory.model.lifecycle import Event, Lane, Outcome
from factory.model.subject import subject_of
from factory.report.audit.book import Book, Record
from factory.report.audit.rules import Rule
from factory.store.artifacts import left_by_worker
from factory.store.queue import Placed, verdict_path
from factory.store.repository.objects import Person
from factory.store.repository.repository import Repository

Found = tuple[Rule, str]
_UNKNOWN = Person("nobody", "nobody")
_RULES = {"subject": Rule.SUBJECT, "reviewer": Rule.REVIEWER}


class Finish:
    """One finished item at the commit that finished it."""

    def __init__(self, repository: Repository, book: Book, record: Record, entry: Entry) -> None:
        self._repository = repository
        self._objects = repository.objects
        self._book = book
        self._record = record
        self._entry = entry
        delivered = [each for each in record.history.entries if each.event is Event.DELIVER]
        self._delivered = delivered[-1] if delivered else None

    def violations(self) -> Iterator[Found]:
        """Everything that is missing or does not fit."""
        item = self._book.item(self._record)
        _, contract = self._book.contract_of(self._record)
        if self._delivered is None or item is None or contract is None:
            yield Rule.COVERED, "was finished, and there is no delivery, item or contract that it could be judged by"
            return
        yield from subject_violations(self._book, self._record, self._delivered)
        if self._entry.subject != self._delivered.subject:
            yield Rule.SUBJECT, "was finished under another subject than the one that was delivered"
        evidence = self._evidence()
        if evidence is None or evidence.proposal != self._entry.proposal:
            yield Rule.COVERED, "was finished without evidence for its proposal"
            return
        try:
            yield from self._judged(item, contract, evidence)
            yield from self._patch(evidence)
            yield from self._merged(evidence)
        except FactoryError as error:
            yield Rule.MERGED, f"cannot be proven here: {error.message}"

    def _file(self, name: str) -> bytes | None:
        assert self._delivered is not None
        oid = self._record.run.get(f"run-{self._delivered.run}/{name}")
        return self._objects.blob(oid) if oid else None

    def _evidence(self) -> Evidence | None:
        data = self._file("recheck.json") or self._file("evidence.json")
        try:
            return Evidence.model_validate_json(data) if data else None
        except ValidationError:
            return None

    def _judged(self, item: Item, contract: Contract, evidence: Evidence) -> Iterator[Found]:
        """The gate's own ruling on what is committed, by the policy of that time."""
        asked = {check.name for check in contract.checks}
        asked |= {f"acceptance/{each.id}" for each in item.acceptance if each.check is not None}
        missing = asked - {ran.name for ran in evidence.ran}
        if missing:
            yield Rule.COVERED, f"was finished without the check {', '.join(sorted(missing))}"
        policy = self._book.policy()
        changed = self._repository.changed(evidence.base, evidence.proposal)
        seats = seats_needed(contract, changed, policy.guarded)
        assert self._delivered is not None
        record, delivered = self._record, self._delivered
        matter = matter_of(Case(Placed(record.id, Lane.REVIEW, "", ""), item, record.history), delivered.subject or "")
        casts: list[Cast] = []
        lost: dict[str, str] = {}
        for seat in seats:
            data = self._file(f"verdict.{seat.name}.yaml")
            if seat.by_machine:
                said = cast_of_machine(seat.name, seat.name, data, matter) if data else "there is none"
                if isinstance(said, str):
                    lost[seat.name] = said
                else:
                    casts.append(said)
            elif seat.kind is SeatKind.HUMAN and data is not None:
                path = verdict_path(record.id, seat.name)
                author = self._book.verdict_authors.get(path, _UNKNOWN)
                allowed = allowed_in(seat.name, contract, policy)
                try:
                    vote = cast(seat.name, path, data, matter, lambda author=author: author, allowed)  # type: ignore[misc]
                except Refused as refused:
                    for key, problem in zip(refused.keys, refused.problems, strict=True):
                        yield _RULES.get(key, Rule.COVERED), problem.message
                else:
                    casts.extend([vote] if vote else [])
        ruling = decide(contract, seats, evidence, tuple(casts), touches(changed, policy.guarded), lost)
        if ruling.event is not Event.FINISH:
            yield Rule.COVERED, f"was finished, and by what is committed it {ruling.reason or 'could not be'}"

    def _patch(self, evidence: Evidence) -> Iterator[Found]:
        patch = self._file("patch.diff") or b""
        made = self._repository.patch(evidence.base, evidence.proposal) if evidence.proposal != evidence.base else b""
        if patch != made:
            yield Rule.PATCH, f"patch.diff is not what the proposal {evidence.proposal[:10]} changes"

    def _merged(self, evidence: Evidence) -> Iterator[Found]:
        if self._entry.outcome is not Outcome.APPLIED:
            return
        applied = self._entry.applied
        if applied is None:
            yield Rule.MERGED, "was applied, and the journal does not say by which commit"
            return
        commit = self._objects.commit(applied)
        if self._repository.content(commit.tree) != evidence.tree:
            yield Rule.MERGED, f"what {applied[:10]} brought in is not what the checks ran on"
        before = self._objects.commit(commit.parents[0])
        checked_on = self._objects.commit(evidence.target)
        if self._repository.content(before.tree) != self._repository.content(checked_on.tree):
            yield Rule.MERGED, f"{applied[:10]} was made on another content than the checks ran on"


def subject_violations(book: Book, record: Record, delivered: Entry) -> Iterator[Found]:
    """Whether the subject can be computed again from what is committed."""
    item = book.item(record)
    name, _ = book.contract_of(record)
    if item is None or not name:
        yield Rule.SUBJECT, "was delivered without an item or a contract that can be read"
        return
    prefix = f"run-{delivered.run}/"
    files = {path.removeprefix(prefix): oid for path, oid in record.run.items() if path.startswith(prefix)}
    patch = book.objects.blob(files["patch.diff"]) if "patch.diff" in files else b""
    left = left_by_worker({name: book.objects.blob(oid) for name, oid in files.items() if _by_worker(name)})
    subject = subject_of(item, book.contract_bytes(name), book.policy().governing(), patch, left)
    if subject != delivered.subject:
        yield Rule.SUBJECT, f"{(delivered.subject or 'no subject')[:19]}… was judged; the commits give {subject[:19]}…"


def _by_worker(name: str) -> bool:
    return name == "result.json" or name.startswith("files/")
