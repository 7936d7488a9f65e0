"""What a check reads: its `reads` as far as they can be relied on, and the digest of what lies there."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable

from factory.execution.checks.checks_from import from_base
from factory.model.base import Argv
from factory.model.cell_settings import Setup
from factory.model.contract import Contract
from factory.model.instruments import named
from factory.model.policy import Policy
from factory.model.reads import Reads
from factory.store.repository.objects import EMPTY_TREE, REPOSITORY, Objects, TreeEntry
from factory.store.repository.trees import diff

_REMEMBERED = 20_000  # folders, of all contents
_LISTED = 8  # contents whose paths are remembered, and checks that these were held against
_LINK = "120000"


def reads_of(policy: Policy, contract: Contract, name: str) -> Reads | None:
    """What a check of a contract reads; None when that may be everything.

    A hook makes of the files what it likes. What a setup makes hangs on its lock files.
    """
    check = next((each for each in contract.checks if each.name == name), None)
    if check is None or check.reads is None or (policy.hooks.after_create or "").strip():
        return None
    setup = setup_of(policy, contract)
    return Reads.of(check.reads, setup.locks if setup else ())


def setup_of(policy: Policy, contract: Contract) -> Setup | None:
    """The setup of a contract's cells."""
    return policy.cell.but(contract.cell).setup


def left_out(contract: Contract, argv: Argv, reads: Reads, paths: Iterable[str]) -> dict[str, str]:
    """The files that decide what a check says and that its `reads` do not cover, each with what leads to it."""
    paths = tuple(path for path in paths if not reads.covers(path))
    found = dict.fromkeys(from_base(contract, (argv,), paths), "checks_from")
    return found | named((argv,), paths)


class ReadContents:
    """Tells of contents what lies where a check reads; what is the same is looked at once. One thread at a time."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._known: OrderedDict[tuple[Reads, str, str], tuple[bytes, bool]] = OrderedDict()
        self._paths: OrderedDict[str, frozenset[str]] = OrderedDict()
        self._plain: OrderedDict[tuple[str, Argv, Reads], set[str]] = OrderedDict()  # paths that may be left out

    def digest(self, tree: str, contract: Contract, argv: Argv, reads: Reads | None) -> str:
        """The digest of what a check reads of a content; the content's own id where that may be all of it.

        So it is where something by which the check is made is left out, and where a link may lead elsewhere.
        """
        if reads is None or self._leaves_out(tree, contract, argv, reads):
            return tree
        return self.lying_at(tree, reads)

    def lying_at(self, tree: str, reads: Reads) -> str:
        """The digest of what of a content is covered; the content's own id where that may be all of it."""
        found, leads_away = self._folder(reads, "", tree)
        return tree if leads_away else f"sha256:{hashlib.sha256(repr(reads.patterns).encode() + found).hexdigest()}"

    def _leaves_out(self, tree: str, contract: Contract, argv: Argv, reads: Reads) -> bool:
        plain = self._plain.setdefault((repr(contract.checks_from), argv, reads), set())
        if len(self._plain) > _LISTED:
            self._plain.popitem(last=False)
        new = self._all(tree) - plain
        found = left_out(contract, argv, reads, new)
        plain.update(new - found.keys())
        return bool(found)

    def _all(self, tree: str) -> frozenset[str]:
        if tree not in self._paths:
            self._paths[tree] = frozenset(change.path for change in diff(self._objects, EMPTY_TREE, tree))
            if len(self._paths) > _LISTED:
                self._paths.popitem(last=False)
        return self._paths[tree]

    def _folder(self, reads: Reads, path: str, oid: str) -> tuple[bytes, bool]:
        """(digest of what is covered in a folder, nothing where nothing is; whether a link may lead elsewhere)."""
        key = reads, path, oid
        if key not in self._known:
            self._known[key] = self._looked_at(reads, path, oid)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return self._known[key]

    def _looked_at(self, reads: Reads, folder: str, oid: str) -> tuple[bytes, bool]:
        told, leads_away, listed = hashlib.sha256(), False, reads.lists(folder)
        empty = True
        for name, entry in sorted(self._objects.tree(oid).items()):
            path = f"{folder}/{name}" if folder else name
            below = b""
            if entry.is_folder:
                below, away = self._folder(reads, path, entry.oid)
                leads_away = leads_away or away
                covered = bool(below) or listed
            else:
                covered = reads.covers(path)
                leads_away = leads_away or (_leads(entry) and (covered or reads.may_lie_below(path)))
                below = entry.oid.encode()
            if covered:
                empty = False
                told.update(b"%s %s %s\0" % (entry.mode.encode(), path.encode("utf-8", "surrogateescape"), below))
        return b"" if empty else told.hexdigest().encode(), leads_away


def _leads(entry: TreeEntry) -> bool:
    return entry.mode in (_LINK, REPOSITORY)
