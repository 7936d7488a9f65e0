"""What commits hold, read once: files, patches, items, contracts and policies. It remembers, and so is only quicker."""

from collections import OrderedDict

from factory.model.contract import Contract
from factory.model.errors import InvalidFile
from factory.model.item import Item
from factory.model.layout import WORKFLOW, contract_path, in_library
from factory.model.policy import Policy
from factory.report.audit.record import ItemRecord
from factory.store import yaml
from factory.store.library import read_workflow
from factory.store.queue import read_item
from factory.store.repository.commit_walk import CommitDiff
from factory.store.repository.objects import MissingObject
from factory.store.repository.patches import Patches
from factory.store.repository.repository import Repository

_MOST_PARSED = 2_000
_MOST_BLOBS, _SMALL = 500, 50_000


class Reader:
    """Answers the same whatever was asked before: it is no part of what a history has come to."""

    def __init__(self, repository: Repository) -> None:
        self.objects = repository.objects
        self._patches = Patches(repository.neutral)
        self._blobs: OrderedDict[str, bytes] = OrderedDict()  # the last that were read
        self._known: dict[str, str] = {}  # blobs of the policy and the contracts, by path
        self._known_in = ""  # the tree that they are of
        self._policies: dict[str, Policy | None] = {}
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

    def policy(self, tree: str) -> Policy | None:
        """The policy in a tree; None when it cannot be read, the default one when there is none."""
        oid = self.blob_at(tree, WORKFLOW)
        if oid not in self._policies:
            try:
                self._policies[oid] = read_workflow(self.blob(oid)).policy if oid else Policy()
            except InvalidFile:
                self._policies[oid] = None
        return self._policies[oid]

    def contract(self, oid: str, name: str) -> Contract | None:
        """The contract in a blob; None when it cannot be read, or there is none."""
        if oid not in self._contracts:
            try:
                loaded = yaml.load(Contract, yaml.Source(contract_path(name), self.blob(oid))) if oid else None
            except InvalidFile:
                loaded = None
            self._contracts[oid] = loaded
        return self._contracts[oid]

    def item(self, record: ItemRecord) -> Item | None:
        """What an item's file says; None when it cannot be read, or there is none."""
        archived = record.archived.item if record.archived else ""
        oid = next((entry.oid for entry in record.places.values()), archived)
        if oid not in self._parsed:
            if len(self._parsed) >= _MOST_PARSED:
                self._parsed = {}
            try:
                self._parsed[oid] = read_item(record.path, self.blob(oid)) if oid else None
            except InvalidFile:
                self._parsed[oid] = None
        return self._parsed[oid]

    def blob_at(self, tree: str, path: str) -> str:
        """The blob of a policy or a contract; empty when a tree has none."""
        known = self._known.get(path) if tree == self._known_in else None
        if known is None:
            found = self.objects.find(tree, path)
            known = found.oid if found and not found.is_folder else ""
            if tree == self._known_in:
                self._known[path] = known
        return known

    def carry(self, step: CommitDiff) -> None:
        """Go on to a commit's tree: what it did not change of policy and contracts need not be looked up again."""
        changed = any(in_library(change.path) for change in step.changes)
        if changed or step.tree_before != self._known_in:
            self._known = {}
        self._known_in = step.tree
