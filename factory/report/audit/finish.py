"""The finish: whether what ended was covered by what its contract asked for at that time, and what came in by it."""

from collections.abc import Iterator

from pydantic import ValidationError

from factory.line.gate import Cast, Ruling, decide, guarded, seats_needed, touches
from factory.line.review import Matter, Refused, allowed_in, cast, cast_of_machine, matter_of
from factory.line.survey import Case
from factory.line.yardstick import content_for_checks, instruments_among
from factory.model.base import Argv
from factory.model.contract import ApplyMode, Contract, SeatKind
from factory.model.errors import FactoryError
from factory.model.evidence import Evidence
from factory.model.item import Item
from factory.model.journal import Entry
from factory.model.lifecycle import Event, Lane, Outcome
from factory.model.subject import subject_of
from factory.report.audit.book import Book, Law, Record, last_delivery
from factory.report.audit.content import content_name, outside
from factory.report.audit.rules import Rule
from factory.store.artifacts import left_by_worker
from factory.store.queue import Placed, verdict_path
from factory.store.repository.chronicle import Step
from factory.store.repository.objects import Person
from factory.work.command import Applied

Said = tuple[Rule, str]
_RULES = {"subject": Rule.SUBJECT, "reviewer": Rule.REVIEWER}


class Finish:
    """One item at the commit that finished or rejected it."""

    def __init__(self, book: Book, record: Record, entry: Entry, step: Step) -> None:
        self._book = book
        self._repository = book.repository
        self._objects = book.objects
        self._record = record
        self._entry = entry
        self._step = step
        self._law = book.law(record)
        self._delivered = last_delivery(record.history)
        self.dismissed: set[str] = set()  # the loose ends about which a person said that nothing is to be done

    def found(self) -> Iterator[Said]:
        """Everything that is missing or does not fit."""
        item, contract, delivered, entry = (
            self._book.item(self._record),
            self._law.contract,
            self._delivered,
            self._entry,
        )
        if delivered is None or item is None or contract is None:
            yield Rule.COVERED, "was finished, and there is no delivery, item or contract that it could be judged by"
            return
        evidence, first = self._evidence(), self._read("evidence.json")
        if evidence is None or first is None:
            yield Rule.COVERED, "was finished without evidence"
            return
        for text in subject_found(self._book, self._record, delivered, self._law):
            yield Rule.SUBJECT, text
        if first.findings() != delivered.findings:
            yield Rule.COVERED, "was delivered with other findings than its evidence has"
        try:
            yield from self._judged(delivered, item, contract, evidence)
            if entry.event is Event.FINISH:
                yield from self._same(delivered, evidence)
                yield from self._patch(evidence)
                yield from self._by_command() if contract.apply.mode is ApplyMode.COMMAND else self._merged(evidence)
        except FactoryError as error:
            yield Rule.MERGED, f"cannot be proven: {error.message}"

    def _same(self, delivered: Entry, evidence: Evidence) -> Iterator[Said]:
        """Whether what was finished is what was delivered."""
        if self._entry.subject != delivered.subject:
            yield Rule.SUBJECT, "was finished under another subject than the one that was delivered"
        if not evidence.proposal == self._entry.proposal == delivered.proposal:
            yield Rule.COVERED, "was finished with another proposal than the one that was delivered and checked"

    def _file(self, name: str) -> bytes | None:
        assert self._delivered is not None
        oid = self._record.run.get(f"run-{self._delivered.run}/{name}")
        return self._book.blob(oid) if oid else None

    def _read(self, name: str) -> Evidence | None:
        data = self._file(name)
        try:
            return Evidence.model_validate_json(data) if data else None
        except ValidationError:
            return None

    def _evidence(self) -> Evidence | None:
        """What the checks said last: of a recheck that came with this commit, or that is of the tree that came in."""
        again, first = self._read("recheck.json"), self._read("evidence.json")
        came = any(
            change.new and change.path.endswith("/recheck.json") and not change.old for change in self._step.changes
        )
        if again is None or (self._entry.outcome is Outcome.APPLIED and first and self._brought_in(first)):
            return first
        return again if came or self._entry.outcome is Outcome.APPLIED else first

    def _brought_in(self, evidence: Evidence) -> bool:
        applied = self._entry.applied or ""
        found = self._objects.read(applied) if applied else None
        if found is None or found[1] != "commit":
            return False
        parents = self._objects.commit(applied).parents
        target = self._objects.read(evidence.target) if parents else None
        if target is None:
            return False
        return self._same_content(parents[0], evidence.target)

    def _same_content(self, one: str, other: str) -> bool:
        trees = (self._objects.commit(commit).tree for commit in (one, other))
        return len({content_name(self._objects, tree) for tree in trees}) == 1

    def _judged(self, delivered: Entry, item: Item, contract: Contract, evidence: Evidence) -> Iterator[Said]:
        """The gate's own ruling on what is committed, by the policy of that time."""
        asked = {check.name: None for check in contract.checks}
        asked |= {f"acceptance/{each.id}": None for each in item.acceptance if each.check is not None}
        missing = asked.keys() - {ran.name for ran in evidence.ran}
        if missing and not evidence.conflicts:
            yield Rule.COVERED, f"was finished without the check {', '.join(sorted(missing))}"
        for text in self._of_yardstick(contract, evidence):
            yield Rule.COVERED, text
        if item.hold and self._entry.event is Event.FINISH and self._entry.outcome is Outcome.APPLIED:
            yield Rule.COVERED, "was applied, and is on hold"
        ruling, refused = self._ruling(delivered, item, contract, evidence)
        yield from refused
        if ruling.event is not self._entry.event:
            how = "rejected" if self._entry.event is Event.REJECT else "finished"
            yield Rule.COVERED, f"was {how}, and by what is committed it {ruling.reason or 'could not be'}"
        elif ruling.verdicts != self._entry.verdicts:
            yield Rule.COVERED, "has other verdicts in its journal than in its files"

    def _of_yardstick(self, contract: Contract, evidence: Evidence) -> Iterator[str]:
        """Whether the checks ran on what the contract says, and a person was asked of what judges the proposal."""
        if evidence.instruments is None:
            return  # from before this was looked at
        checks = tuple(ran.run for ran in evidence.ran if ran.claimed is None)
        seats = (seat.run for seat in contract.review.seats if seat.run)
        plain = tuple(tuple(word for word in argv if "{" not in word) for argv in seats)  # what no template can alter
        found = instruments_among(contract, checks, plain, self._changed(evidence)).keys() - evidence.instruments.keys()
        if found:
            yield f"was judged by {', '.join(sorted(found))}, which it changes itself, and its evidence does not say so"
        wanted = self._checked(contract, evidence, checks)
        for ran in evidence.ran if wanted else ():
            if ran.claimed is None and (ran.tree or evidence.tree) != wanted:
                yield f"has the check {ran.name} of another content than its contract asks for"

    def _checked(self, contract: Contract, evidence: Evidence, checks: tuple[Argv, ...]) -> str:
        """The content that the checks had to run on; nothing when git has let go what tells it."""
        if contract.checks_from == "proposal":
            return evidence.tree
        objects, applied = self._objects, self._entry.applied or ""
        if objects.read(evidence.target) is None or objects.read(applied or evidence.tree) is None:
            return ""
        content = self._repository.content
        merged = content(objects.commit(applied).tree) if applied else evidence.tree
        before = content(objects.commit(evidence.target).tree)
        return content_for_checks(objects, merged, before, contract, checks)

    def _ruling(
        self, delivered: Entry, item: Item, contract: Contract, evidence: Evidence
    ) -> tuple[Ruling, list[Said]]:
        record, policy = self._record, self._law.policy
        changed = self._changed(evidence)
        patterns = guarded(policy, evidence)
        seats = seats_needed(contract, changed, patterns)
        matter = matter_of(Case(Placed(record.id, Lane.REVIEW, "", ""), item, record.history), delivered.subject or "")
        casts: list[Cast] = []
        lost: dict[str, str] = {}
        refusals: list[Said] = []
        for seat in seats:
            if seat.by_machine:
                if (seat.agent, seat.run) == (contract.worker.agent, contract.worker.run):
                    refusals.append((Rule.REVIEWER, f"was judged in the seat {seat.name} by its own worker"))
                data = self._file(f"verdict.{seat.name}.yaml")
                path = f"run-{delivered.run}/verdict.{seat.name}.yaml"
                said = cast_of_machine(seat.name, path, data, matter) if data else "there is none"
                if isinstance(said, str):
                    lost[seat.name] = said
                else:
                    casts.append(said)
                continue
            if seat.kind is not SeatKind.HUMAN:
                continue
            try:
                vote = self._vote(seat.name, matter, allowed_in(seat.name, contract, policy))
            except Refused as refused:
                problems = zip(refused.keys, refused.problems, strict=True)
                refusals += [(_RULES.get(key, Rule.COVERED), problem.message) for key, problem in problems]
            except FactoryError as error:
                refusals.append((Rule.COVERED, f"has a verdict that cannot be read: {error.message}"))
            else:
                casts.extend([vote] if vote else [])
                self.dismissed |= {key for key in matter.loose_ends if vote and vote.verdict.dismisses(key)}
        return decide(contract, seats, evidence, tuple(casts), touches(changed, patterns), lost), refusals

    def _vote(self, seat: str, matter: Matter, allowed: tuple[str, ...]) -> Cast | None:
        """A person's verdict, with whoever brought its last edit. Raises FactoryError when it does not count."""
        path = verdict_path(matter.item_id, seat)
        oid, author = self._book.verdicts.get(path, ("", None))
        if author is None:
            return None
        by: Person = author
        return cast(seat, path, self._book.blob(oid), matter, lambda: by, allowed)

    def _changed(self, evidence: Evidence) -> tuple[str, ...]:
        """The paths that a proposal changes. Git may have let the commit go, and then the patch tells."""
        if self._objects.read(evidence.proposal) is None:
            return paths_in(self._file("patch.diff") or b"")
        return tuple(change.path for change in outside(self._objects, evidence.base, evidence.proposal))

    def _patch(self, evidence: Evidence) -> Iterator[Said]:
        ends = evidence.base, evidence.proposal
        if self._objects.read(evidence.proposal) is None:  # of a squash, or of nothing applied: git let it go
            applied = self._entry.applied or ""
            before = self._objects.commit(applied).parents[0] if self._objects.read(applied) else ""
            if not before or not self._same_content(before, evidence.base):
                return  # what came in is still held against the evidence
            ends = before, applied
        made = self._book.patch(*ends)
        if (self._file("patch.diff") or b"") != made:
            yield (
                Rule.PATCH,
                f"was judged by a patch.diff that is not what the proposal {evidence.proposal[:10]} changes",
            )

    def _by_command(self) -> Iterator[Said]:
        """Whether the outcome of an apply command is recorded, for the subject that was judged."""
        data = self._file("apply.json")
        try:
            note = Applied.model_validate_json(data) if data else None
        except ValidationError:
            note = None
        if self._entry.outcome is Outcome.APPLIED and (note is None or note.subject != self._entry.subject):
            yield Rule.MERGED, "was applied by a command, and the command's outcome for this subject is not recorded"
        elif note is not None and (not note.ended or note.exit_code != 0):
            yield Rule.MERGED, "was finished, and its apply command failed"

    def _merged(self, evidence: Evidence) -> Iterator[Said]:
        applied = self._entry.applied
        if self._entry.outcome is not Outcome.APPLIED:
            if applied:
                yield Rule.MERGED, "was accepted without a change, and the journal names a merge"
            return
        found = self._objects.read(applied) if applied else None
        if applied is None or found is None or found[1] != "commit":
            yield Rule.MERGED, "was applied, and the journal does not say by which commit"
            return
        objects, commit = self._objects, self._objects.commit(applied)
        if self._law.policy.target_branch == self._law.policy.branch and applied not in self._step.parents[:1]:
            yield Rule.UNAPPROVED, f"was finished by {applied[:10]}, which is not the merge that was made for it"
        if not commit.parents or commit.parents[1:] not in ((), (evidence.proposal,)):
            yield Rule.MERGED, f"was finished by {applied[:10]}, which merged something else"
            return
        if content_name(objects, commit.tree) != evidence.tree:
            yield Rule.MERGED, f"was checked on another content than {applied[:10]} brought in"
        elif not self._brought_in(evidence):
            yield Rule.MERGED, f"was checked on another target than {applied[:10]} was made on"
        elif objects.read(evidence.proposal) is not None:
            wanted = set(outside(objects, evidence.base, evidence.proposal))
            if set(outside(objects, commit.parents[0], applied)) != wanted and not self._merges_to(evidence):
                yield Rule.MERGED, f"was finished by {applied[:10]}, which is not the proposal merged with the target"

    def _merges_to(self, evidence: Evidence) -> bool:
        merge = self._repository.merge(evidence.target, evidence.proposal)
        return not merge.conflicts and content_name(self._objects, merge.tree) == evidence.tree


def subject_found(book: Book, record: Record, delivered: Entry, law: Law) -> Iterator[str]:
    """What is wrong with a subject, computed again from what is committed."""
    item = book.item(record)
    if item is None or not law.source:
        yield "was delivered without an item or a contract that can be read"
        return
    prefix = f"run-{delivered.run}/"
    files = {path.removeprefix(prefix): oid for path, oid in record.run.items() if path.startswith(prefix)}
    patch = book.blob(files["patch.diff"]) if "patch.diff" in files else b""
    left = left_by_worker({name: book.blob(oid) for name, oid in files.items() if _by_worker(name)})
    subject = subject_of(item, book.blob(law.source), law.policy.governing(), patch, left)
    if subject != delivered.subject:
        yield f"was judged as {(delivered.subject or 'no subject')[:19]}…, and the commits give {subject[:19]}…"


def _by_worker(name: str) -> bool:
    return name == "result.json" or name.startswith("files/")


def paths_in(patch: bytes) -> tuple[str, ...]:
    """The paths that a patch without renames changes."""
    heads = [
        line.removeprefix("diff --git ")
        for line in patch.decode(errors="replace").split("\n")
        if line[:11] == "diff --git "
    ]
    halves = [head[: (len(head) - 1) // 2] for head in heads]
    return tuple(half.strip('"').removeprefix("a/") for half in halves)
