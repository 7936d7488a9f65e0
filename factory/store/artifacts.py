"""The artifacts: where each item's journal and runs lie, and what they say."""

from collections.abc import Container, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from pydantic import JsonValue, ValidationError

from factory.model.base import digest
from factory.model.errors import InvalidFile, Problem
from factory.model.evidence import Evidence
from factory.model.journal import History
from factory.model.journal_lines import read
from factory.model.layout import ARCHIVE, ARTIFACTS, KEEP, finished_artifacts, journal_path, run_file, run_folder
from factory.model.result import Result
from factory.model.run_layout import EVIDENCE, FILES, MANIFEST, PATCH, RESULT, is_by_worker, seat_in
from factory.model.verdict import MachineVerdict
from factory.store import files, yaml
from factory.store.archive import Archive
from factory.store.days import Days
from factory.store.leases import renewal_in
from factory.store.repository.objects import Objects


def with_manifest(written: Mapping[str, bytes], by_factory: Container[str] = ()) -> dict[str, bytes]:
    """A run's files, and manifest.json that lists them with digest, size and maker.

    `by_factory` names files that are the worker's by their name and were written by the factory for it.
    """
    listed: dict[str, JsonValue] = {
        name: {
            "digest": digest(data),
            "bytes": len(data),
            "by": "worker" if is_by_worker(name) and name not in by_factory else "factory",
        }
        for name, data in sorted(written.items())
    }
    return {**written, MANIFEST: files.as_json({"files": listed})}


def left_by_worker(written: Mapping[str, bytes]) -> dict[str, str]:
    """The digests of what the worker left, by name: the part of a run's files that is judged."""
    return {name: digest(data) for name, data in written.items() if is_by_worker(name)}


_OF_OTHERS = {path.rpartition("/")[2] for path in (finished_artifacts(), ARCHIVE, KEEP)}  # which are no open item's


class Artifacts:
    """Reads artifacts of any tree, each journal only once; those of archived items where history holds them."""

    def __init__(self, objects: Objects, archive: Archive | None = None) -> None:
        self._objects = objects
        self._archive = archive or Archive(objects)
        self._histories: dict[str, History] = {}
        self._done = Days(objects, finished_artifacts())

    def ids(self, tree: str) -> set[str]:
        """The open items that have artifacts."""
        return set(self._objects.folder(tree, ARTIFACTS)) - _OF_OTHERS

    def finished_on(self, tree: str, day: str) -> Iterable[str]:
        """The items that were finished on a day."""
        return self._objects.folder(tree, finished_artifacts(day))

    def done_day(self, tree: str, item_id: str) -> str | None:
        """The day under which the artifacts of a finished item lie, or lay when it was archived."""
        day = self._done.day(tree, item_id)
        if day is None and (archived := self._archive.get(tree, item_id)):
            return archived.day
        return day

    def history(self, tree: str, item_id: str, day: str = "") -> History:
        """What an item's journal adds up to, with its lease as its owner has renewed it; empty when it has none.

        Raises InvalidFile.
        """
        path = journal_path(item_id, day)
        entry = self._archive.find(tree, path)
        if entry is None:
            return History()
        if entry.oid not in self._histories:
            self._histories[entry.oid] = read(self._objects.regular(path, entry), path)
        history = self._histories[entry.oid]
        if history.lease is None or not history.lease.renewable:
            return history
        return replace(history, lease=history.lease.renewed(item_id, renewal_in(self._objects, tree, history.lease)))

    def run_files(self, tree: str, item_id: str, run: int) -> dict[str, bytes]:
        """The patch and everything the worker left in a run of an open item, by name."""
        folder = self._objects.find(tree, run_folder(item_id, run))
        found: dict[str, bytes] = {}
        if folder is None or not folder.is_folder:
            return found
        for name, entry in self._objects.tree(folder.oid).items():
            if name in (PATCH, RESULT):
                found[name] = self._objects.regular(run_file(item_id, run, name), entry)
        self._gather(folder.oid, FILES, found)
        return found

    def _gather(self, tree: str, path: str, found: dict[str, bytes]) -> None:
        for name, entry in self._objects.folder(tree, path).items():
            if entry.is_folder:
                self._gather(tree, f"{path}/{name}", found)
            else:
                found[f"{path}/{name}"] = self._objects.regular(f"{path}/{name}", entry)

    def patch(self, tree: str, item_id: str, run: int, day: str = "") -> bytes:
        """The patch that a run proposed; nothing when it proposed none."""
        return self._archive.file(tree, run_file(item_id, run, PATCH, day)) or b""

    def result(self, tree: str, item_id: str, run: int, day: str = "") -> Result | None:
        """What the worker of a run said; None when it said nothing that can be read."""
        path = run_file(item_id, run, RESULT, day)
        try:
            data = self._archive.file(tree, path)
            source = yaml.Source(path, data or b"")
            return yaml.validate(Result, yaml.parse_json(source), source) if data else None
        except InvalidFile:
            return None

    def verdicts(self, tree: str, item_id: str, run: int, day: str = "") -> dict[str, MachineVerdict]:
        """What is kept of the verdicts on a run, by seat; without those that cannot be read."""
        found: dict[str, MachineVerdict] = {}
        folder = self._archive.find(tree, run_folder(item_id, run, day))
        for name, entry in self._objects.tree(folder.oid).items() if folder and folder.is_folder else ():
            path, seat = run_file(item_id, run, name, day), seat_in(name)
            if seat and not entry.is_folder:
                with suppress(InvalidFile):
                    source = yaml.Source(path, self._objects.regular(path, entry))
                    found[seat] = yaml.load(MachineVerdict, source)
        return found

    def evidence(self, tree: str, item_id: str, run: int, day: str = "", name: str = EVIDENCE) -> Evidence | None:
        """What the checks of a run's proposal said, at delivery or in the merge train. Raises InvalidFile."""
        path = run_file(item_id, run, name, day)
        data = self._archive.file(tree, path)
        if data is None:
            return None
        try:
            return Evidence.model_validate_json(data)
        except ValidationError as error:
            what = f"is not what the factory wrote ({error.errors()[0]['msg']}); git log -- {path} shows who edited it"
            raise InvalidFile(Problem(path, 1, 1, what)) from None
