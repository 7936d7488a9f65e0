"""The audit: a walk through a branch's commits, oldest first, holding each against the rules."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from factory.line.budget import used_up
from factory.line.survey import Case
from factory.model.base import digest
from factory.model.errors import IllegalMove, UsageError
from factory.model.journal import Entry
from factory.model.lifecycle import Event, Lane, Outcome, check_move
from factory.report.audit.book import Book, Record, artifact_of, item_in, lane_of
from factory.report.audit.finish import Finish, subject_violations
from factory.report.audit.rules import Rule, Violation
from factory.store.queue import VERDICT, Placed
from factory.store.repository.chronicle import Step, chronicle
from factory.store.repository.objects import Person
from factory.store.repository.repository import OWN_FOLDERS, Repository
from factory.store.repository.trees import Change

_WORKER = "@workers.factory.invalid"
_OF_PEOPLE = frozenset({Event.CANCEL, Event.UNBLOCK, Event.MOVED})
_FINISHED = frozenset({Outcome.APPLIED, Outcome.ACCEPTED})


@dataclass(frozen=True)
class Audit:
    """What was found."""

    commits: int
    moves: int
    by_people: int
    items: int
    finished: int
    violations: tuple[Violation, ...]


def audit(repository: Repository, head: str, since: str | None = None) -> Audit:
    """Hold every commit up to a head against the rules; with `since`, only those after it."""
    return _Walk(repository).through(head, since)


def by_factory(step: Step) -> bool:
    """Whether a commit says that the factory made it, of its own accord."""
    return all(who.name == "factory" and who.email.startswith("factory@") for who in (step.author, step.committer))


class _Walk:
    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._objects = repository.objects
        self._book = Book(repository.objects)
        self._found: list[Violation] = []
        self._gone: dict[str, tuple[str, str]] = {}  # items without a file: (commit, path) by id
        self._applying: dict[str, str] = {}  # commits that brought content in, and whose item is not finished: the id
        self._proposals: set[str] = set()  # of finished items
        self._count: Counter[str] = Counter()

    def through(self, head: str, since: str | None) -> Audit:
        if since is not None:
            self._book.open_at(self._objects.commit(since).tree)
        for step in chronicle(self._repository.git, head, since):
            self._take(step)
        self._close(head)
        items = self._book.items.values()
        finished = sum(record.history.outcome is not None for record in items)
        count = self._count
        return Audit(count["commits"], count["moves"], count["people"], len(items), finished, tuple(self._found))

    def _say(self, rule: Rule, commit: str, path: str, text: str) -> None:
        self._found.append(Violation(rule, commit, path, text))

    def _take(self, step: Step) -> None:
        factory, moved = by_factory(step), step.trailer("Factory-Move")
        self._count["commits"] += 1
        self._count["people"] += not factory
        before = {item_id: record.lane for item_id in _items(step) if (record := self._book.items.get(item_id))}
        self._places(step, factory)
        self._artifacts(step, factory)
        if moved and not factory:
            self._say(Rule.FORGED, step.commit, "", f"carries the factory's trailers, and {step.author} made it")
        elif moved:
            self._count["moves"] += 1
            self._move(step, before)
        elif _journals(step):
            self._say(
                Rule.TRAILERS, step.commit, _journals(step)[0].path, "changes a journal and does not say the move"
            )
        self._content(step, factory, moved)
        for change in step.changes:
            if change.path.endswith(VERDICT) and lane_of(change.path) is Lane.REVIEW and change.new:
                self._book.verdict_authors[change.path] = step.author
            self._book.turn(change)

    def _places(self, step: Step, factory: bool) -> None:
        """Where the items' files lie after a commit."""
        for item_id, changes in _items(step).items():
            record = self._book.record(item_id)
            before = set(record.places.values())
            for change in changes:
                record.places.pop(change.path, None)
            for change in changes:
                if change.new:
                    record.places[change.path] = change.new.oid
            path = changes[0].path
            if not record.places:
                self._gone[item_id] = step.commit, path
                continue
            self._gone.pop(item_id, None)
            if len(record.places) > 1:
                self._say(
                    Rule.ONE_LANE, step.commit, path, f"{item_id} lies at {' and at '.join(sorted(record.places))}"
                )
            if factory and before and set(record.places.values()) - before:
                self._say(Rule.PURE_RENAME, step.commit, path, "the factory changed what an item says")

    def _artifacts(self, step: Step, factory: bool) -> None:
        """Artifacts are only added, but for journals, which grow."""
        changed: dict[tuple[str, str], list[Change]] = {}
        for change in step.changes:
            item_id, below = artifact_of(change.path)
            if below:
                changed.setdefault((item_id, below), []).append(change)
        for (item_id, below), changes in changed.items():
            record, path = self._book.record(item_id), changes[0].path
            journal = below == "journal.jsonl"
            rule = Rule.APPEND_ONLY if journal else Rule.ARTIFACTS
            known = record.journal if journal else record.run.get(below, "")
            new = next((change.new.oid for change in changes if change.new), "")
            if not factory:
                self._say(rule, step.commit, path, f"{step.author} changed what only the factory writes")
            elif not new:
                self._say(rule, step.commit, path, "was taken away")
            elif known and new != known:
                grown = journal and self._objects.blob(new).startswith(self._objects.blob(known))
                if not grown and not below.rpartition("/")[2].startswith("verdict."):
                    self._say(rule, step.commit, path, "was changed after it had been written")
        self._manifests(step)

    def _manifests(self, step: Step) -> None:
        added = {change.path: change.new.oid for change in step.changes if change.new and not change.old}
        for path, oid in added.items():
            item_id, below = artifact_of(path)
            if not below.endswith("/manifest.json") or below in self._book.record(item_id).run:
                continue
            folder = path.removesuffix("manifest.json")
            listed = _listed(self._objects.blob(oid))
            there = {each.removeprefix(folder): each for each in added if each.startswith(folder) and each != path}
            there = {name: each for name, each in there.items() if name in listed or not name.startswith("verdict.")}
            for name in sorted(listed.keys() | there.keys()):
                data = self._objects.blob(added[there[name]]) if name in there else None
                if data is None or listed.get(name) != (digest(data), len(data)):
                    self._say(Rule.DIGESTS, step.commit, folder + name, "is not what the manifest of its run says")

    def _content(self, step: Step, factory: bool, moved: str) -> None:
        """What came into the branch besides the queue and the artifacts."""
        if not any(change.path.partition("/")[0] not in OWN_FOLDERS for change in step.changes):
            return
        item_id = step.trailer("Factory-Item")
        if factory and moved:
            self._say(Rule.TRAILERS, step.commit, "", "changes more than its item")
        elif factory:
            self._applying[step.commit] = item_id
        elif step.trailer("Factory-Subject"):
            self._say(Rule.FORGED, step.commit, "", f"carries the factory's trailers, and {step.author} made it")
        for parent in step.parents[1:] if not factory else ():
            if self._author(parent).email.endswith(_WORKER) and parent not in self._proposals:
                self._say(Rule.UNAPPROVED, step.commit, "", f"{step.author} merged the proposal {parent[:10]}")
        if step.author.email.endswith(_WORKER):
            self._say(Rule.UNAPPROVED, step.commit, "", f"what {step.author.name} made stands in the branch itself")

    def _author(self, commit: str) -> Person:
        found = self._objects.read(commit)
        lines = found[2].decode(errors="replace").split("\n") if found else []
        author = next((line for line in lines if line.startswith("author ")), "author  <>")
        name, _, rest = author.removeprefix("author ").partition(" <")
        return Person(name, rest.partition(">")[0])

    def _move(self, step: Step, before: dict[str, Lane | None]) -> None:
        """One commit of the factory that says it moved one item."""
        item_id = step.trailer("Factory-Item")
        record = self._book.items.get(item_id)
        others = sorted({*_items(step), *(artifact_of(change.path)[0] for change in _journals(step))} - {item_id})
        if record is None or others:
            self._say(
                Rule.TRAILERS, step.commit, "", f"says it moved {item_id}, and changes {', '.join(others) or 'it not'}"
            )
            return
        entries = list(self._appended(step, record))
        if not entries:
            self._say(Rule.TRAILERS, step.commit, "", f"says it moved {item_id}, and its journal says nothing")
            return
        for entry in entries:
            self._event(step, record, entry, before.get(item_id))
            record.history = record.history.add(entry)
        last, run = entries[-1], step.trailer("Factory-Run")
        told = f"{last.source or '-'} -> {last.to}"
        if (step.trailer("Factory-Move"), run, step.trailer("Factory-Actor")) != (
            told,
            str(last.run or ""),
            last.actor,
        ):
            self._say(Rule.TRAILERS, step.commit, "", f"the trailers do not say what the journal says: {told}")
        if record.lane is not last.to:
            where = record.lane or "nowhere"
            self._say(Rule.JOURNAL, step.commit, "", f"the journal says {last.to}, and {item_id} lies in {where}")

    def _appended(self, step: Step, record: Record) -> Iterator[Entry]:
        """The lines that a commit added to an item's journal."""
        change = next((each for each in _journals(step) if each.new and artifact_of(each.path)[0] == record.id), None)
        if change is None or change.new is None:
            return
        old = self._objects.blob(record.journal) if record.journal else b""
        new = self._objects.blob(change.new.oid)
        number = record.history.next_seq()
        for line in new[len(old) if new.startswith(old) else 0 :].splitlines():
            try:
                entry = Entry.model_validate_json(line)
            except ValidationError:
                self._say(Rule.JOURNAL, step.commit, change.path, f"line {number} cannot be read")
                return
            if entry.seq == number:
                yield entry
            else:
                self._say(Rule.JOURNAL, step.commit, change.path, f"line {number} has the number {entry.seq}")
            number += 1

    def _event(self, step: Step, record: Record, entry: Entry, lane: Lane | None) -> None:
        """One line of a journal: whether it may follow what was before."""

        def say(rule: Rule, text: str) -> None:
            self._say(rule, step.commit, next(iter(record.places), ""), text)

        history = record.history
        if entry.source is not history.lane:
            say(
                Rule.JOURNAL,
                f"{entry.event} comes from {entry.source}, and the journal left the item in {history.lane}",
            )
        try:
            check_move(entry.event, entry.source, entry.to)
        except IllegalMove as error:
            say(Rule.LEGAL_MOVE, error.message)
        if entry.event in _OF_PEOPLE and lane is not entry.to:
            say(Rule.LEGAL_MOVE, f"{entry.event} records what a person did, and nobody moved the file to {entry.to}")
        elif entry.event not in _OF_PEOPLE and entry.source and lane not in (entry.source, None):
            say(Rule.LEGAL_MOVE, f"{entry.event} from {entry.source}, and the file lay in {lane}")
        name, contract = self._book.contract_of(record)
        after = history.add(entry)
        match entry.event:
            case Event.START:
                spent = used_up(Case(Placed(record.id, Lane.INBOX, "", ""), self._book.item(record), history))
                if entry.run != history.run + 1:
                    say(Rule.JOURNAL, f"run {entry.run} follows run {history.run}")
                if spent:
                    say(Rule.BUDGET, f"was started, and {spent}")
            case Event.RELEASE if contract and entry.failure and after.attempts >= contract.retry.max_attempts:
                say(Rule.ATTEMPTS, f"attempt {after.attempts} failed, and {name} allows {contract.retry.max_attempts}")
            case Event.REWORK if contract and after.rounds_spent >= contract.rework.max_rounds:
                say(
                    Rule.ROUNDS,
                    f"round {after.rounds_spent} was sent back, and {name} allows {contract.rework.max_rounds}",
                )
            case Event.DELIVER:
                self._settle_files(step)
                for rule, text in subject_violations(self._book, record, entry):
                    say(rule, text)
            case Event.FINISH:
                self._settle_files(step)
                self._finish(step, record, entry)

    def _settle_files(self, step: Step) -> None:
        """What this commit wrote is a part of what it is held against."""
        for change in step.changes:
            if artifact_of(change.path)[1] not in ("", "journal.jsonl"):
                self._book.turn(change)

    def _finish(self, step: Step, record: Record, entry: Entry) -> None:
        if entry.outcome not in _FINISHED:
            self._say(Rule.JOURNAL, step.commit, "", f"{record.id} was finished as {entry.outcome}")
        for rule, text in Finish(self._repository, self._book, record, entry).violations():
            self._say(rule, step.commit, next(iter(record.places), ""), f"{record.id} {text}")
        self._proposals.add(entry.proposal or "")
        if self._applying.pop(entry.applied or "", record.id) != record.id:
            self._say(Rule.UNAPPROVED, step.commit, "", f"{record.id} was finished by the merge of another item")

    def _close(self, head: str) -> None:
        """What only shows when everything has been seen."""
        for item_id, (commit, path) in self._gone.items():
            self._say(Rule.LOST, commit, path, f"{item_id} lies in no lane any more")
        for commit, item_id in self._applying.items():
            what = (
                f"content came in for {item_id}, which was never finished" if item_id else "content came in for no item"
            )
            self._say(Rule.UNAPPROVED, commit, "", what)
        for record in self._book.items.values():
            told = record.history.lane
            if record.lane is Lane.DONE and told is not Lane.DONE:
                path = next(iter(record.places))
                text = f"{record.id} lies in done, and its journal says {told or 'nothing'}; no pass has recorded why"
                self._say(Rule.JOURNAL, head, path, text)


def _items(step: Step) -> dict[str, list[Change]]:
    """The changes of items' files, by id."""
    found: dict[str, list[Change]] = {}
    for change in step.changes:
        if item_id := item_in(change.path):
            found.setdefault(item_id, []).append(change)
    return found


def _journals(step: Step) -> list[Change]:
    return [change for change in step.changes if artifact_of(change.path)[1] == "journal.jsonl"]


def _listed(manifest: bytes) -> dict[str, tuple[str, int]]:
    try:
        files = json.loads(manifest)["files"]
        return {name: (each["digest"], each["bytes"]) for name, each in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def resolve(repository: Repository, revision: str) -> str:
    """The commit that a revision names. Raises UsageError."""
    found = repository.git.call(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", allowed=(0, 1, 128)
    )
    if found.returncode:
        raise UsageError(f"there is no commit {revision!r}", "git log --oneline")
    return found.stdout.decode().strip()
