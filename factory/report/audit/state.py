"""The state of an audit: what the commits so far have come to, for the next one to be held against."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from factory.model.archive import ArchivedItem
from factory.model.journal import fold
from factory.model.layout import (
    QUEUE,
    artifact_folder,
    contract_path,
    day_of,
    item_path,
    item_pathspec,
    lane_of,
)
from factory.model.lifecycle import Event, Lane
from factory.model.policy import Policy
from factory.model.run_layout import JOURNAL
from factory.model.trailers import Trailer
from factory.report.audit.archiving import Archiving, archiving_of
from factory.report.audit.authorship import Authorship
from factory.report.audit.lines import entries_of
from factory.report.audit.paths import artifact_of, asked_in, by_artifact, by_item, item_in, newest
from factory.report.audit.reader import Reader
from factory.report.audit.record import Effective, ItemRecord
from factory.report.audit.transition import Appended, Line, Transition, appended
from factory.store.archive import Archive
from factory.store.artifacts import Artifacts
from factory.store.repository.commit_walk import CommitDiff
from factory.store.repository.objects import EMPTY_TREE, FILE, Person, TreeEntry, name_of
from factory.store.repository.repository import Repository
from factory.store.repository.trees import Change

_WHEN_ADDED = ("log", "-1", "--first-parent", "--diff-filter=A", "--no-renames", "--format=%T")


class AuditState:
    """Only `advance` changes it. What it remembers grows with the items, not with the commits or what they wrote."""

    def __init__(self, repository: Repository, authorship: Authorship) -> None:
        self.repository = repository
        self.authorship = authorship
        self.objects = repository.objects
        self.reader = Reader(repository)
        self.archive = Archive(repository.objects)
        self.items: dict[str, ItemRecord] = {}
        self.overwritten: set[tuple[str, str, str]] = set()  # (item, path below its folder, blob) that no file is now
        self.verdicts: dict[str, tuple[str, Person]] = {}  # open verdict files: the blob, and who brought it, by path
        self.tree = EMPTY_TREE  # of the last commit
        self._policy = Policy()  # the last one that could be read
        self._since = ""

    def open_at(self, commit: str) -> None:
        """Begin with what a commit holds, for an audit of what came after it."""
        self._since, self.tree = commit, self.objects.commit(commit).tree
        places: dict[str, dict[str, TreeEntry]] = {}
        for path, entry in self._below(self.tree, QUEUE):
            if item_in(path):
                places.setdefault(item_in(path), {})[path] = entry
            elif asked_in(path):
                author = self.repository.last_author(commit, path)
                self.verdicts[path] = entry.oid, author or self.repository.user()
        for item_id in Artifacts(self.objects, self.archive).ids(self.tree):
            places.setdefault(item_id, {})
        for item_id, lies in places.items():
            last = next(reversed(lies.items()), None)
            ended = last if last and lane_of(last[0]) is Lane.DONE else None
            self.items[item_id] = ItemRecord(item_id, lies, evicted=True, ended=ended)
        self._archived(self.archive.all(self.tree))
        self._policy = self.policy(self.tree)

    def _archived(self, items: Iterable[ArchivedItem]) -> None:
        for item in items:
            places = self.items[item.id].places if item.id in self.items else {}
            left = item_path(Lane.DONE, item.id, item.day)
            others = {path: entry for path, entry in places.items() if path != left}
            self.items[item.id] = ItemRecord(item.id, others, evicted=True, archived=item)

    def _below(self, tree: str, folder: str) -> Iterator[tuple[str, TreeEntry]]:
        entry = self.objects.find(tree, folder)
        if entry and entry.is_folder:
            yield from self._in(entry.oid, f"{folder}/")

    def _in(self, tree: str, prefix: str = "") -> Iterator[tuple[str, TreeEntry]]:
        for name, entry in self.objects.tree(tree).items():
            if entry.is_folder:
                yield from self._in(entry.oid, f"{prefix}{name}/")
            else:
                yield f"{prefix}{name}", entry

    def record(self, item_id: str, tree: str = "") -> ItemRecord:
        """What is known of an item; one that was evicted is read again, from a tree or as it is now."""
        record = self.items.get(item_id) or ItemRecord(item_id)
        return self._recalled(record, tree or self.tree) if record.evicted else record

    def known(self, records: Mapping[str, ItemRecord], tree: str) -> Callable[[str], ItemRecord]:
        """What is known of any item: by these records, and of others as they are in a tree."""
        return lambda item_id: records.get(item_id) or self.record(item_id, tree)

    def _recalled(self, record: ItemRecord, tree: str) -> ItemRecord:
        days = [day_of(path) for path in record.places if lane_of(path) is Lane.DONE]
        files: dict[str, str] = {}
        for folder in (artifact_folder(record.id), *(artifact_folder(record.id, day) for day in days)):
            files |= {artifact_of(path)[1]: entry.oid for path, entry in self._below(tree, folder)}
        if record.archived:
            files |= {path: entry.oid for path, entry in self._in(record.archived.artifacts)}
        journal = files.pop(JOURNAL, "")
        history = fold(entries_of(self.reader.blob(journal))) if journal else record.history
        record = record._replace(run=files, journal=journal, history=history, evicted=False)
        if record.lane is Lane.ACTIVE:
            began = self.repository.git.text(*_WHEN_ADDED, self._since, "--", record.path)
            record = record._replace(started=self.effective(record, began.strip() or tree))
        return record

    def deleted(self, item_id: str) -> TreeEntry | None:
        """What an item's file was when it was taken away, before the commit that the audit begins with."""
        found = self.repository.last_deleted(self._since, item_pathspec(item_id)) if self._since else None
        return TreeEntry(FILE, name_of("blob", found.content)) if found else None

    def policy(self, tree: str) -> Policy:
        """The policy in force in a tree; one that cannot be read leaves the one before it so."""
        return self.reader.policy(tree) or self._policy

    def effective(self, record: ItemRecord, tree: str) -> Effective:
        """What is in force for an item in a tree."""
        policy, item = self.policy(tree), self.reader.item(record)
        name = (policy.contract_of(item) if item else None) or ""
        source = self.reader.blob_at(tree, contract_path(name)) if name else ""
        contract = self.reader.contract(source, name)
        return Effective(policy, name, contract.for_item(item) if contract and item else contract, source)

    def transition(self, step: CommitDiff) -> Transition:
        """The next commit, and what it makes of the items that it touches."""
        by_factory, carried = self.authorship.by_factory(step), self.authorship.carried(step)
        item_id, move = step.trailer(Trailer.ITEM), step.trailer(Trailer.MOVE)
        moved = (by_factory or carried) and bool(move)
        archives = (by_factory or carried) and not moved
        archiving = archiving_of(step, self.reader) if archives else Archiving()
        changes = [each for each in step.changes if not archiving.takes(each)] if archiving.items else step.changes
        placed, artifacts = by_item(changes), by_artifact(changes)
        touched = sorted({*placed, *(item_id for item_id, _ in artifacts)})
        before = {item_id: self.record(item_id, step.tree_before) for item_id in touched}
        filed = before | {item_id: before[item_id].placed(changes) for item_id, changes in placed.items()}
        filed |= {item_id: filed[item_id].written(files) for item_id, files in _written(artifacts).items()}
        told, after = Appended(), dict(filed)
        lines: tuple[Line, ...] = ()
        if moved and item_id in filed:
            told = appended(filed[item_id], artifacts.get((item_id, JOURNAL), ()), self.reader.blob)
            lines, after[item_id] = self._told(filed[item_id], told, step.tree_before)
        for (of, below), changes in artifacts.items():
            if below == JOURNAL:
                after[of] = self._journaled(after[of], changes, told=moved and of == item_id)
        return Transition(
            step=step,
            by_factory=by_factory,
            carried=carried,
            item_id=item_id,
            move=move,
            placed=placed,
            artifacts=artifacts,
            before=before,
            filed=filed,
            lines=lines,
            problems=told.problems,
            archiving=archiving,
            after=after | {item_id: after[item_id].ending() for item_id in placed if moved},
        )

    def _told(self, record: ItemRecord, told: Appended, tree: str) -> tuple[tuple[Line, ...], ItemRecord]:
        """Each line that a move added, with the item as it finds it, and the item after all of them."""
        record = record._replace(history=told.begin)
        lines: list[Line] = []
        for entry in told.entries:
            if entry.event is Event.START:
                record = record._replace(started=self.effective(record, tree))
            lines.append(Line(record, entry))
            record = record._replace(history=record.history.add(entry))
        return tuple(lines), record

    def _journaled(self, record: ItemRecord, changes: Iterable[Change], *, told: bool) -> ItemRecord:
        """The item after its journal changed; what no move accounts for is found, and counts from now on."""
        for change in changes:
            if change.new and change.new.oid != record.journal:
                history = record.history if told else fold(entries_of(self.reader.blob(change.new.oid)))
                record = record._replace(journal=change.new.oid, history=history)
        return record

    def advance(self, transition: Transition) -> None:
        """Leave a commit behind: what the next one is held against."""
        step = transition.step
        for (item_id, below), changes in transition.artifacts.items():
            known, new = transition.before[item_id].run.get(below), newest(changes)
            if known and new and known != new:
                self.overwritten.add((item_id, below, known))
        for item_id, record in transition.after.items():
            self.items[item_id] = record.evict() if record.finished else record
        self._archived(transition.archiving.items.values())
        for change in step.changes:
            if asked_in(change.path):
                self._turn(step, change, by_factory=transition.by_factory)
        self.reader.carry(step)
        self.tree = step.tree
        self._policy = self.policy(step.tree)

    def _turn(self, step: CommitDiff, change: Change, *, by_factory: bool) -> None:
        """Take one change of a verdict file in; of one that a person's merge brought, whoever wrote it is asked for."""
        self.verdicts.pop(change.path, None)
        if change.new:
            merged = len(step.parents) > 1 and not by_factory
            author = self.repository.last_author(step.commit, change.path) if merged else None
            self.verdicts[change.path] = change.new.oid, author or step.author


def _written(artifacts: Mapping[tuple[str, str], Sequence[Change]]) -> dict[str, dict[str, str]]:
    """The files of runs that a commit wrote, by item and path below its folder."""
    found: dict[str, dict[str, str]] = {}
    for (item_id, below), changes in artifacts.items():
        if below != JOURNAL and newest(changes):
            found.setdefault(item_id, {})[below] = newest(changes)
    return found
