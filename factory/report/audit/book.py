"""The book: what is known of every item, of the contracts and of the policy, as history goes on."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath

from factory.model.contract import Contract
from factory.model.errors import InvalidFile
from factory.model.item import Item
from factory.model.journal import Entry, History, read
from factory.model.lifecycle import Lane
from factory.model.policy import Policy
from factory.store import yaml
from factory.store.artifacts import folder_of
from factory.store.library import WORKFLOW, contract_path, read_workflow
from factory.store.queue import IGNORED, QUEUE, VERDICT, read_item
from factory.store.repository.objects import Objects, Person, TreeEntry
from factory.store.repository.trees import Change

_POLICY = (WORKFLOW, "contracts/")


@dataclass
class Record:
    """One item."""

    id: str
    places: dict[str, str] = field(default_factory=dict)  # path -> blob: one, if all is well
    journal: str = ""  # the blob of its journal; empty: it has none
    history: History = field(default_factory=History)
    run: dict[str, str] = field(default_factory=dict)  # the files of its runs, by their path below the item's folder

    @property
    def lane(self) -> Lane | None:
        """Where its file lies; None when nowhere, or in two places."""
        return lane_of(next(iter(self.places))) if len(self.places) == 1 else None


def lane_of(path: str) -> Lane | None:
    """The lane that a path lies in."""
    parts = PurePosixPath(path).parts
    return Lane(parts[1]) if len(parts) > 2 and parts[0] == QUEUE and parts[1] in set(Lane) else None


def item_in(path: str) -> str:
    """The id of the item that a path is the file of; empty when it is none."""
    name = path.rpartition("/")[2]
    an_item = lane_of(path) and name.endswith(".yaml") and not name.endswith(VERDICT) and name not in IGNORED
    return name.removesuffix(".yaml").lower() if an_item else ""


def artifact_of(path: str) -> tuple[str, str]:
    """(item, the path below its folder) of an artifact; empty strings when it is none."""
    parts = path.split("/")
    if parts[0] != "artifacts" or len(parts) < 3:
        return "", ""
    rest = parts[3:] if parts[1] == "done" else parts[1:]
    return (rest[0], "/".join(rest[1:])) if len(rest) > 1 else ("", "")


class Book:
    """Kept up commit by commit."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self.items: dict[str, Record] = {}
        self.verdict_authors: dict[str, Person] = {}  # who last changed a verdict file, by path
        self._files: dict[str, str] = {}  # WORKFLOW.md and the contracts: path -> blob
        self._policies: dict[str, Policy] = {}
        self._contracts: dict[str, Contract | None] = {}
        self._items: dict[str, Item | None] = {}

    def open_at(self, tree: str) -> None:
        """Begin with what a tree holds, for an audit of what came after it."""
        for lane in Lane:
            for path, entry in self._below(tree, f"{QUEUE}/{lane}"):
                if item_in(path):
                    self.record(item_in(path)).places[path] = entry.oid
        for path, entry in self._below(tree, "artifacts"):
            self._keep_artifact(path, entry.oid)
        self._files = {path: entry.oid for path, entry in self._below(tree, "contracts")}
        workflow = self.objects.find(tree, WORKFLOW)
        if workflow:
            self._files[WORKFLOW] = workflow.oid
        for record in self.items.values():
            if record.journal:
                record.history = read(self.objects.blob(record.journal), folder_of(record.id))

    def _below(self, tree: str, folder: str) -> list[tuple[str, TreeEntry]]:
        found: list[tuple[str, TreeEntry]] = []
        for name, entry in self.objects.folder(tree, folder).items():
            path = f"{folder}/{name}"
            found.extend(self._below(tree, path) if entry.is_folder else [(path, entry)])
        return found

    def record(self, item_id: str) -> Record:
        """What is known of an item."""
        return self.items.setdefault(item_id, Record(item_id))

    def turn(self, change: Change) -> None:
        """Take one change of a policy file or of an artifact in."""
        if change.path.startswith(_POLICY):
            self._files.pop(change.path, None)
            if change.new:
                self._files[change.path] = change.new.oid
        elif change.new:
            self._keep_artifact(change.path, change.new.oid)

    def _keep_artifact(self, path: str, oid: str) -> None:
        item_id, below = artifact_of(path)
        if below == "journal.jsonl":
            self.record(item_id).journal = oid
        elif below:
            self.record(item_id).run[below] = oid

    def policy(self) -> Policy:
        """The policy in force; the last that could be read stays so."""
        oid = self._files.get(WORKFLOW, "")
        if oid not in self._policies:
            try:
                self._policies[oid] = read_workflow(self.objects.blob(oid)).policy if oid else Policy()
            except InvalidFile:
                self._policies[oid] = next(reversed(self._policies.values()), Policy())
        return self._policies[oid]

    def contract_bytes(self, name: str) -> bytes:
        """A contract's file as it is in force."""
        oid = self._files.get(contract_path(name))
        return self.objects.blob(oid) if oid else b""

    def contract(self, name: str) -> Contract | None:
        """A contract in force; None when there is none, or it cannot be read."""
        path = contract_path(name)
        oid = self._files.get(path, "")
        if oid not in self._contracts:
            try:
                loaded = yaml.load(Contract, yaml.Source(path, self.objects.blob(oid))) if oid else None
            except InvalidFile:
                loaded = None
            self._contracts[oid] = loaded
        return self._contracts[oid]

    def item(self, record: Record) -> Item | None:
        """What an item says now; None when it cannot be read."""
        path, oid = next(iter(record.places.items()), ("", ""))
        if oid not in self._items:
            try:
                self._items[oid] = read_item(path, self.objects.blob(oid)) if oid else None
            except InvalidFile:
                self._items[oid] = None
        return self._items[oid]

    def contract_of(self, record: Record) -> tuple[str, Contract | None]:
        """(name, contract) that governs an item now."""
        item = self.item(record)
        name = self.policy().contract_of(item) if item else None
        return (name, self.contract(name)) if name else ("", None)


def entries_of(data: bytes, path: str) -> tuple[Entry, ...]:
    """The entries of a journal. Raises InvalidFile."""
    return read(data, path).entries
