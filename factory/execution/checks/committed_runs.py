"""Committed runs: those in the evidence of a branch whose results can be reused, by what decided how they ended."""

import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from factory.model.errors import InvalidFile
from factory.model.evidence import CheckKey, Evidence, Ran, ReusedRun
from factory.model.layout import ARTIFACTS, finished_artifacts, run_file
from factory.model.lifecycle import Lane
from factory.model.moments import day_of
from factory.model.policy import Identity, Policy
from factory.model.run_layout import EVIDENCE, RECHECK, check_log, parse_run_path, rechecked
from factory.store.archive import Archive
from factory.store.artifacts import Artifacts
from factory.store.repository.objects import MissingObject, Person
from factory.store.repository.repository import Repository

DAYS = 30  # older runs than this are not looked at: machines change where nobody looks
_MOST_RUNS = 2_000  # that are looked at in one go, the newest days first
_MOST_KNOWN = 20_000  # contents
_MOST_BYTES = 1_000_000  # of a file of evidence
_FILES = (EVIDENCE, RECHECK)  # in which a run is told of
_READ = re.compile(rb'"read": "([^"\\]+)"')
_MISSED = re.compile(rb'"missed": \[\s*"')


class CommittedRun(NamedTuple):
    """A run that passed, as it is committed."""

    ran: Ran
    reused_from: ReusedRun
    log: bytes


class _File(NamedTuple):
    """A file of evidence."""

    item: str
    run: int
    file: str  # its name


class CommittedRuns:
    """Looks through the artifacts of a branch, once through each. Threads share it."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._objects = repository.objects
        self._archive = Archive(repository.objects)
        self._artifacts = Artifacts(repository.objects, self._archive)
        self._lock = threading.Lock()
        self._looked_at: set[str] = set()  # folders
        self._reading: dict[str, dict[_File, None]] = {}  # what has a run that reads this, the newest last
        self._factorys: dict[_File, bool] = {}  # what a run left, and whether the factory has committed it
        self._missed: dict[tuple[str, str], set[str]] = {}  # by the contract's text and the check: what `reads` lack

    def find(self, policy: Policy, name: str, key: CheckKey, wanted: ReusedRun | None = None) -> CommittedRun | None:
        """A run of a check that passed with this key; of `wanted` alone, if that is given."""
        head = self._repository.head(policy.branch)
        try:
            return self._found(head, policy.identity, name, key, wanted) if head else None
        except MissingObject:
            return None

    def _found(
        self, head: str, signs: Identity, name: str, key: CheckKey, wanted: ReusedRun | None
    ) -> CommittedRun | None:
        tree = self._objects.commit(head).tree
        with self._lock:
            self._look(tree)
            if (key.contract, name) in self._missed:
                return None
            for place in reversed(self._reading.get(key.read, {})):
                if wanted is None or (wanted.item, wanted.run, wanted.file) == place:
                    found = self._at(tree, place, name, key)
                    if found is not None and self._is_factorys(head, tree, signs, place):
                        return found
        return None

    def _is_factorys(self, head: str, tree: str, signs: Identity, place: _File) -> bool:
        """Whether the factory has committed what a run left: others can lay a file there, too."""
        if place not in self._factorys:
            day = self._artifacts.done_day(tree, place.item) or ""
            path = run_file(place.item, place.run, place.file, day)
            there = self._objects.find(tree, path) is not None  # who archived it has not written it
            who = self._repository.last_author(head, path) if there else None
            own = who is not None and who.name in ("factory", signs.name) and who.email.startswith("factory@")
            named = who is not None and signs.email is not None and who == Person(signs.name, signs.email)
            self._factorys[place] = own or named
        return self._factorys[place]

    def missed(self, tree: str, name: str, contract: str) -> tuple[str, ...]:
        """What a check was seen to read that the `reads` in this text of its contract lack, by any clone."""
        with self._lock:
            self._look(tree)
            return tuple(sorted(self._missed.get((contract, name), ())))

    def _at(self, tree: str, place: _File, name: str, key: CheckKey) -> CommittedRun | None:
        evidence = evidence_of(self._artifacts, tree, place.item, place.run, place.file)
        if evidence is None:
            return None
        ran = next((each for each in evidence.ran if each.name == name and evidence.key(each) == key), None)
        if ran is None or not evidence.is_reusable(ran):
            return None
        log = check_log(name) if place.file == EVIDENCE else rechecked(check_log(name))
        day = self._artifacts.done_day(tree, place.item) or ""
        printed = self._archive.file(tree, run_file(place.item, place.run, log, day))
        told = {"item": place.item, "run": place.run, "file": place.file, "tree": evidence.ran_on(ran)}
        return CommittedRun(ran, ReusedRun.model_validate(told), printed if printed is not None else ran.tail.encode())

    def _look(self, tree: str) -> None:
        """Look at the runs that were not there yet."""
        oldest, left = day_of(self._repository.system.now() - timedelta(days=DAYS)), _MOST_RUNS
        for item, folder in self._folders(tree, oldest):
            for name, entry in self._objects.tree(folder).items():
                number = parse_run_path(f"{name}/{EVIDENCE}")
                if number is None or not entry.is_folder or entry.oid in self._looked_at:
                    continue
                if not left:
                    return
                left -= 1
                self._looked_at.add(entry.oid)
                for file in _FILES:
                    self._note(_File(item, number[0], file), entry.oid)

    def _folders(self, tree: str, oldest: str) -> Iterator[tuple[str, str]]:
        """(item, folder of its artifacts) of those that are not finished, and of the finished ones, newest first."""
        for item, entry in self._objects.folder(tree, ARTIFACTS).items():
            if entry.is_folder and item != Lane.DONE:
                yield item, entry.oid
        for day, entry in sorted(self._objects.folder(tree, finished_artifacts()).items(), reverse=True):
            if not entry.is_folder or day < oldest or entry.oid in self._looked_at:
                continue
            yield from ((item, each.oid) for item, each in self._objects.tree(entry.oid).items() if each.is_folder)
            self._looked_at.add(entry.oid)

    def _note(self, place: _File, folder: str) -> None:
        name = place.file
        entry = self._objects.tree(folder).get(name)
        try:
            data = self._objects.regular(name, entry, _MOST_BYTES) if entry else b""
        except InvalidFile:
            return  # what is wrong with it is told elsewhere
        for read in _READ.findall(data):
            at = self._reading.setdefault(read.decode(errors="replace"), {})
            at.pop(place, None)
            at[place] = None
            if len(self._reading) > _MOST_KNOWN:
                del self._reading[next(iter(self._reading))]
        if _MISSED.search(data):
            try:
                evidence = Evidence.model_validate_json(data)
            except ValueError:
                return
            for ran in evidence.ran:
                if ran.missed:
                    self._missed.setdefault((evidence.contract, ran.name), set()).update(ran.missed)


def evidence_of(artifacts: Artifacts, tree: str, item: str, run: int, file: str) -> Evidence | None:
    """What a tree has of the evidence that a run of an item left; None when there is none that can be read."""
    try:
        return artifacts.evidence(tree, item, run, artifacts.done_day(tree, item) or "", file)
    except (InvalidFile, MissingObject):
        return None


def has_reused_runs(artifacts: Artifacts, tree: str, evidence: Evidence) -> bool:
    """Whether a tree has the runs whose results evidence reuses."""
    return all(not wrong_reuse(artifacts, tree, evidence, ran) for ran in evidence.ran)


def wrong_reuse(artifacts: Artifacts, tree: str, evidence: Evidence, ran: Ran) -> str:
    """What is wrong with the run whose result a command reuses; nothing when it has the same key and passed."""
    reused = ran.reused_from
    if reused is None:
        return ""
    source = evidence_of(artifacts, tree, reused.item, reused.run, reused.file)
    if source is None:
        return "which this history does not have"
    found = [each for each in source.ran if each.name == ran.name]
    if not found:
        return "which did not run it"
    if not any(source.is_reusable(each) for each in found):
        return "which did not pass by itself, or read more than its `reads` name"
    run = next(each for each in found if source.is_reusable(each))
    if run.run != ran.run:
        return "which ran another command"
    if source.environment != evidence.environment:
        return "which ran in another environment"
    if source.contract != evidence.contract:
        return "which was judged by another text of the contract"
    if run.read != ran.read:
        return "which read another content"
    return "" if source.ran_on(run) == reused.tree else "which ran on another content"
