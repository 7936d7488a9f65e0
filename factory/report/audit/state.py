"""The state of an audit: what is known of every item, of the contracts and of the policy, as history goes on."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from factory.model.contract import Contract
from factory.model.errors import InvalidFile
from factory.model.item import Item
from factory.model.journal import Entry, History, fold
from factory.model.lifecycle import Event, Lane
from factory.model.policy import Policy
from factory.report.audit.authorship import Authorship
from factory.report.audit.lines import entries_of
from factory.store import yaml
from factory.store.artifacts import ARTIFACTS, folder_of
from factory.store.library import CONTRACTS, WORKFLOW, contract_path, read_workflow
from factory.store.queue import IGNORED, QUEUE, VERDICT, read_item
from factory.store.repository.chronicle import Step
from factory.store.repository.objects import EMPTY_TREE, FILE, MissingObject, Person, TreeEntry, name_of
from factory.store.repository.patches import Patches
from factory.store.repository.repository import Repository
from factory.store.repository.trees import Change

_JOURNAL = "journal.jsonl"
_MOST_PARSED = 2_000
_MOST_BLOBS, _SMALL = 500, 50_000
_WHEN_ADDED = ("log", "-1", "--first-parent", "--diff-filter=A", "--no-renames", "--format=%T")


class Effective(NamedTuple):
    """What is in force for an item: the policy, and its contract as it was written."""

    policy: Policy
    name: str
    contract: Contract | None
    source: str  # the blob of the contract; empty when there is none


@dataclass
class ItemRecord:
    """One item. One that is finished is evicted: only where it lies is kept until something touches it again."""

    id: str
    places: dict[str, TreeEntry] = field(default_factory=dict)  # by path: one, if all is well
    journal: str = ""  # the blob of its journal; empty: it has none
    history: History = field(default_factory=History)
    run: dict[str, str] = field(default_factory=dict)  # the files of its runs, by their path below the item's folder
    started: Effective | None = None  # what was in force when its present run began
    evicted: bool = False
    last: TreeEntry | None = None  # what its file was when it was taken away
    ended: tuple[str, TreeEntry] | None = None  # where its file lay when it was finished, and what it was

    @property
    def path(self) -> str:
        """Where its file lies, for a finding."""
        return next(iter(self.places), "")

    @property
    def whereabouts(self) -> str:
        """Every place of it, in words."""
        return f"{self.id} lies at {' and at '.join(sorted(self.places))}"

    @property
    def lane(self) -> Lane | None:
        """Where its file lies; None when nowhere, or in two places."""
        return lane_of(self.path) if len(self.places) == 1 else None


def lane_of(path: str) -> Lane | None:
    """The lane that a path lies in."""
    parts = path.split("/", 2)
    return _LANES.get(parts[1]) if len(parts) > 2 and parts[0] == QUEUE else None


_LANES = {str(lane): lane for lane in Lane}


def item_in(path: str) -> str:
    """The id of the item that a path is the file of; empty when it is none."""
    name = path.rpartition("/")[2]
    an_item = name.endswith(".yaml") and not name.endswith(VERDICT) and name not in IGNORED and lane_of(path)
    return name.removesuffix(".yaml").lower() if an_item else ""


def judged_in(path: str) -> str:
    """The id of the item that a path is an open verdict file of; empty when it is none."""
    verdict = path.startswith(f"{QUEUE}/{Lane.REVIEW}/") and path.endswith(VERDICT)
    return path.rpartition("/")[2].removesuffix(VERDICT).rpartition(".")[0] if verdict else ""


def artifact_of(path: str) -> tuple[str, str]:
    """(item, the path below its folder) of an artifact; empty strings when it is none."""
    if not path.startswith(f"{ARTIFACTS}/"):
        return "", ""
    parts = path.split("/")
    rest = parts[3:] if parts[1] == Lane.DONE else parts[1:]
    return (rest[0], "/".join(rest[1:])) if len(rest) > 1 else ("", "")


class AuditState:
    """Kept up commit by commit. What it remembers grows with the items, not with the commits or what they wrote."""

    def __init__(self, repository: Repository, authorship: Authorship) -> None:
        self.repository = repository
        self.authorship = authorship
        self.objects = repository.objects
        self.items: dict[str, ItemRecord] = {}
        self._written_over: set[tuple[str, str, str]] = set()  # (item, path below its folder, blob)
        self.verdicts: dict[str, tuple[str, Person]] = {}  # open verdict files: the blob, and who brought it, by path
        self._patches = Patches(repository.neutral)
        self._blobs: OrderedDict[str, bytes] = OrderedDict()  # the last that were read
        self.tree = EMPTY_TREE  # of the commit that the present one is told against
        self._known: dict[str, str] = {}  # blobs of the policy and the contracts, by path
        self._known_in = ""  # the tree that they are of
        self._since = ""
        self._policies: dict[str, Policy] = {}
        self._contracts: dict[str, Contract | None] = {}
        self._parsed: dict[str, Item | None] = {}

    def close(self) -> None:
        """Let the lasting process end."""
        self._patches.close()

    def blob(self, oid: str) -> bytes:
        """A file's content; a journal is asked for several times within a few commits."""
        data = self._blobs.pop(oid, None)
        if data is None:
            try:
                data = self.objects.blob(oid)
            except MissingObject:  # a link to another repository: it counts as empty, and breaks the rules about it
                data = b""
        if len(data) <= _SMALL:
            self._blobs[oid] = data
        if len(self._blobs) > _MOST_BLOBS:
            self._blobs.popitem(last=False)
        return data

    def patch(self, old: str, new: str) -> bytes:
        """The difference of two commits as the factory writes it down."""
        return self._patches.between(*(self.objects.commit(commit).tree for commit in (old, new)))

    def open_at(self, commit: str) -> None:
        """Begin with what a commit holds, for an audit of what came after it."""
        self._since, self.tree = commit, self.objects.commit(commit).tree
        for path, entry in self._below(self.tree, QUEUE):
            if item_in(path):
                record = self.items.setdefault(item_in(path), ItemRecord(item_in(path), evicted=True))
                record.places[path] = entry
                record.ended = (path, entry) if lane_of(path) is Lane.DONE else None
            elif judged_in(path):
                author = self.repository.last_author(commit, path)
                self.verdicts[path] = entry.oid, author or self.repository.user()
        for item_id, entry in self.objects.folder(self.tree, ARTIFACTS).items():
            if entry.is_folder and item_id != Lane.DONE:
                self.items.setdefault(item_id, ItemRecord(item_id, evicted=True))

    def _below(self, tree: str, folder: str) -> Iterator[tuple[str, TreeEntry]]:
        for name, entry in self.objects.folder(tree, folder).items():
            path = f"{folder}/{name}"
            if entry.is_folder:
                yield from self._below(tree, path)
            else:
                yield path, entry

    def record(self, item_id: str) -> ItemRecord:
        """What is known of an item, read again if it was evicted."""
        record = self.items.setdefault(item_id, ItemRecord(item_id))
        if record.evicted:
            record.evicted = False
            self._recall(record)
        return record

    def _recall(self, record: ItemRecord) -> None:
        days = [path.split("/")[2] for path in record.places if lane_of(path) is Lane.DONE]
        for folder in (folder_of(record.id), *(folder_of(record.id, Lane.DONE, day) for day in days)):
            for path, entry in self._below(self.tree, folder):
                self.keep(path, entry.oid)
        if record.journal:
            record.history = fold(entries_of(self.blob(record.journal)))
        if record.lane is Lane.ACTIVE:
            out = self.repository.git.text(*_WHEN_ADDED, self._since, "--", record.path)
            record.started = self.effective(record, out.strip())

    def deleted(self, item_id: str) -> TreeEntry | None:
        """What an item's file was when it was taken away, before what the state began with."""
        found = self.repository.last_deleted(self._since, f"{QUEUE}/*/{item_id}.yaml") if self._since else None
        return TreeEntry(FILE, name_of("blob", found.content)) if found else None

    def evict(self, item_id: str) -> bool:
        """Evict an item if it is finished, and say whether it is."""
        record = self.items[item_id]
        finished = record.lane is Lane.DONE and record.history.lane is Lane.DONE
        if finished:
            self.items[item_id] = ItemRecord(item_id, record.places, evicted=True, ended=record.ended)
        return finished

    def keep(self, path: str, oid: str) -> None:
        """Take note of an artifact."""
        item_id, below = artifact_of(path)
        if below == _JOURNAL:
            self.items[item_id].journal = oid
        elif below:
            self.items[item_id].run[below] = oid

    def write(self, item_id: str, below: str, oid: str) -> None:
        """Take a file of a run in."""
        run = self.record(item_id).run
        if below in run and run[below] != oid:
            self._written_over.add((item_id, below, run[below]))
        run[below] = oid

    def wrote_over(self, item_id: str, below: str, oid: str) -> bool:
        """Whether a file of a run once held this blob on the line."""
        return (item_id, below, oid) in self._written_over

    def turn(self, change: Change, author: Person) -> None:
        """Take one change of a verdict file in."""
        if judged_in(change.path):
            self.verdicts.pop(change.path, None)
            if change.new:
                self.verdicts[change.path] = change.new.oid, author

    def policy(self, tree: str = "") -> Policy:
        """The policy in force; one that cannot be read leaves the one before it so."""
        oid = self._blob_at(tree or self.tree, WORKFLOW)
        if oid not in self._policies:
            try:
                self._policies[oid] = read_workflow(self.blob(oid)).policy if oid else Policy()
            except InvalidFile:
                self._policies[oid] = next(reversed(self._policies.values()), Policy())
        return self._policies[oid]

    def effective(self, record: ItemRecord, tree: str = "") -> Effective:
        """What is in force for an item now, or by another tree."""
        policy, item = self.policy(tree), self.item(record)
        name = (policy.contract_of(item) if item else None) or ""
        source = self._blob_at(tree or self.tree, contract_path(name)) if name else ""
        return Effective(policy, name, self._contract(source, name), source)

    def _blob_at(self, tree: str, path: str) -> str:
        known = self._known.get(path) if tree == self._known_in else None
        if known is None:
            found = self.objects.find(tree, path)
            known = found.oid if found and not found.is_folder else ""
            if tree == self._known_in:
                self._known[path] = known
        return known

    def go_on(self, step: Step) -> None:
        """Leave a commit behind."""
        changed = any(change.path == WORKFLOW or change.path.startswith(f"{CONTRACTS}/") for change in step.changes)
        if changed or step.tree_before != self._known_in:
            self._known = {}
        self.tree = self._known_in = step.tree

    def _contract(self, oid: str, name: str) -> Contract | None:
        if oid not in self._contracts:
            try:
                loaded = yaml.load(Contract, yaml.Source(contract_path(name), self.blob(oid))) if oid else None
            except InvalidFile:
                loaded = None
            self._contracts[oid] = loaded
        return self._contracts[oid]

    def item(self, record: ItemRecord) -> Item | None:
        """What an item says now; None when it cannot be read."""
        oid = next((entry.oid for entry in record.places.values()), "")
        if oid not in self._parsed:
            if len(self._parsed) >= _MOST_PARSED:
                self._parsed = {}
            try:
                self._parsed[oid] = read_item(record.path, self.blob(oid)) if oid else None
            except InvalidFile:
                self._parsed[oid] = None
        return self._parsed[oid]


def last_delivery(history: History) -> Entry | None:
    """The newest delivery of an item."""
    return next((entry for entry in reversed(history.entries) if entry.event is Event.DELIVER), None)
