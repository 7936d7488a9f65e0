"""Edits: what people wrote in a working tree and have not committed, and what is wrong with it.

A look: `take_in` commits them.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from factory.line.intake.answers_file import read_answers
from factory.line.intake.batch import lines_of, split_line
from factory.line.review.votes import vote_in
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.breaker import BreakerState
from factory.model.contract import Contract
from factory.model.errors import InvalidFile, Problem, TooLarge
from factory.model.item import id_problem
from factory.model.layout import (
    QUEUE,
    WORKFLOW,
    in_breakers,
    in_leases,
    in_library,
    in_no_lane,
    in_queue,
    is_batch,
    is_ignored,
    lane_folder,
    parse,
)
from factory.model.lifecycle import Lane
from factory.model.places import ContractFile, ItemFile, OpenAnswers, Opened, OpenVerdict
from factory.store import files, yaml
from factory.store.queue import IN_NO_LANE, NOT_AN_ITEM, most_of, taken_by
from factory.store.repository.objects import EMPTY_TREE, name_of
from factory.store.repository.view import View
from factory.store.system import System

SETTLE_S = 0.05
_INBOX = f"{lane_folder(Lane.INBOX)}/"
NOT_A_FILE_ON_DISK = "is not a plain file; put the file itself there"
IN_FORCE = "the committed one is in force until you git commit"


@dataclass
class Edits:
    """What a person changed, added or took away in one working tree."""

    home: bool  # whether the factory's own branch is checked out there
    view: View
    head: str  # what was checked out
    tree: str  # what that holds
    changed: dict[str, bytes] = field(default_factory=dict)
    stale: dict[str, bytes] = field(default_factory=dict)  # on another branch: what may have been taken in before
    gone: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    valid: dict[str, bytes | None] = field(default_factory=dict)  # to be committed; None: taken away

    def problem(self, path: str, message: str) -> None:
        """Note something that cannot be taken in."""
        self.problems.append(Problem(path, 1, 1, message))


def find_edits(reader: SnapshotReader, snapshot: Snapshot, *, settle: bool = False) -> list[Edits]:
    """The edits in the branch's working tree, and what lies in the inbox of one that shows another target.

    Where the branch is checked out nowhere, those in every working tree.
    """
    found: list[Edits] = []
    for view, below in _working_trees(reader, snapshot):
        edits = _read(view, below, reader, snapshot, settle)
        _Validation(reader, snapshot, edits).all()
        for earlier in found:
            _leave_to(earlier, edits)
        found.append(edits)
    return found


def _working_trees(reader: SnapshotReader, snapshot: Snapshot) -> Iterator[tuple[View, str]]:
    """The working trees to look in, each with the folder to look in; that is empty where all of it counts."""
    home, target = reader.repository.view_of(reader.branch), snapshot.policy.target_branch
    if home is not None:
        yield home, ""
    for view in reader.repository.views():
        if home is None:
            yield view, ""
        elif view.branch() == target != reader.branch:  # besides the inbox, all that lies there is the code's own
            yield view, _INBOX


def _leave_to(earlier: Edits, edits: Edits) -> None:
    """What another tree brings to the same place in the same pass is not taken twice, and not written over."""
    for path in sorted(edits.valid.keys() & earlier.valid.keys()):
        if edits.valid.pop(path) != earlier.valid[path]:
            edits.problem(path, f"{edits.view.root} and {earlier.view.root} each have one; give one another name")


def _read(view: View, below: str, reader: SnapshotReader, snapshot: Snapshot, settle: bool) -> Edits:
    objects = reader.repository.objects
    head, branch = view.head(), view.branch()
    own = reader.repository.head(branch) if branch else view.detached_at()
    base = objects.commit(own).tree if own else snapshot.tree
    edits = Edits(branch == reader.branch, view, head, base if own else EMPTY_TREE)
    listed = [(letters, path) for letters, path in view.edits() if path.startswith(below)]
    _settle([view.root / path for _, path in listed], reader.repository.system, wait=settle)
    for letters, path in listed:
        was, now = objects.find(base, path), objects.find(snapshot.tree, path)
        # In another branch's working tree only what rests on the same content is an edit of this branch.
        place = view.root / path
        try:
            data = files.read_regular(place, most_of(path))
        except TooLarge as error:
            if was == now:
                edits.problem(path, error.message)
            continue
        if was != now:
            if data is not None and not edits.home:
                edits.stale[path] = data
        elif data is not None and (now is None or now.oid != name_of("blob", data)):
            edits.changed[path] = data
        elif "D" in letters and not os.path.lexists(place) and was is not None:
            edits.gone.add(path)
        elif data is None and os.path.lexists(place):
            edits.problem(path, NOT_A_FILE_ON_DISK)
    for path in _no_files(view.root):
        edits.problem(path, NOT_A_FILE_ON_DISK)
    return edits


def _no_files(root: Path) -> Iterator[str]:
    """What is called like an item or a batch and is something that git lists for nobody: a folder, a pipe."""
    for lane in Lane:
        if lane is not Lane.DONE:
            names = _others(f"{root}/{lane_folder(lane)}")
            paths = (f"{lane_folder(lane)}/{name}" for name in sorted(names) if not is_ignored(name))
            yield from (path for path in paths if parse(path) is not None)


def _others(folder: str) -> list[str]:
    """The names in a folder that are those of no file and no link."""
    try:
        with os.scandir(folder) as entries:
            return [each.name for each in entries if not (each.is_symlink() or each.is_file())]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _settle(paths: list[Path], system: System, *, wait: bool) -> None:
    """Wait until no file is younger than the time an editor needs to write it."""
    newest = max((path.lstat().st_mtime for path in paths if os.path.lexists(path)), default=0.0)
    left = SETTLE_S - (system.time() - newest)
    if wait and 0 < left <= SETTLE_S:
        system.sleep(left)


class _Validation:
    """Finds out which edits are valid."""

    def __init__(self, reader: SnapshotReader, snapshot: Snapshot, edits: Edits) -> None:
        self._reader = reader
        self._snapshot = snapshot
        self._edits = edits
        self._new: dict[str, str] = {}  # where each new item lies, by id: names may differ in case alone

    def all(self) -> None:
        """Sort the edits into valid ones and problems."""
        for path, data in sorted(self._edits.changed.items()):
            try:
                self._edits.valid |= dict(self._one(path, data))
            except InvalidFile as error:
                self._edits.problems.extend(error.problems)
        lanes = (parse(path) for path in self._edits.changed if in_queue(path) and not in_no_lane(path))
        lying = {file.id for file in lanes if isinstance(file, ItemFile)}
        for path in sorted(self._edits.gone):
            file = parse(path)
            state = self._snapshot.items.get(file.id) if isinstance(file, ItemFile) else None
            if in_breakers(path) or is_batch(path):
                self._edits.valid[path] = None
            elif state is not None and state.id in lying:
                continue  # moved, and it is told where it lies now why that cannot be taken in
            elif state is not None and state.placed.path == path:
                back = f"git checkout -- {path} brings it back, factory cancel {state.id} ends it"
                self._edits.problem(path, f"was deleted; {back}")
            elif isinstance(file, Opened) and self._waits(file):
                self._edits.problem(path, f"was deleted; git checkout -- {path} brings it back")
            elif in_library(path) or in_leases(path):
                self._edits.problem(path, f"was deleted; {IN_FORCE} {path}")

    def _waits(self, file: Opened) -> bool:
        """Whether an item waits for what is answered there."""
        state = self._snapshot.items.get(file.item_id)
        return state is not None and state.lane is file.lane

    def _one(self, path: str, data: bytes) -> Iterator[tuple[str, bytes | None]]:
        """What is to be committed for one changed file. Raises InvalidFile."""
        file = parse(path)
        if path == QUEUE:
            self._edits.problem(path, "stands where the folder of the queue belongs; move it away")
        elif not in_queue(path):
            yield from self._policy_file(path, data)
        elif is_ignored(path):
            return
        elif in_breakers(path):
            yaml.load(BreakerState, yaml.Source(path, data))
            yield path, data
        elif in_leases(path):
            self._edits.problem(path, f"is written by the factory alone; git checkout -- {path}")
        elif in_no_lane(path):
            self._edits.problem(path, IN_NO_LANE)
        elif isinstance(file, OpenVerdict):
            yield from self._verdict(path, data)
        elif isinstance(file, OpenAnswers):
            yield from self._answers(file, path, data)
        elif is_batch(path):
            if self._edits.home or self._brings_items(path, data):
                yield path, data
            else:
                self._edits.stale[path] = data
        elif not isinstance(file, ItemFile):
            self._edits.problem(path, NOT_AN_ITEM)
        else:
            yield from self._item(file, path, data)

    def _policy_file(self, path: str, data: bytes) -> Iterator[tuple[str, bytes | None]]:
        """A new contract counts at once; a change of one that is committed counts when it is committed."""
        if self._reader.repository.objects.find(self._snapshot.tree, path) is not None:
            self._edits.problem(path, f"has uncommitted changes; {IN_FORCE} {path}")
        elif path != WORKFLOW and in_library(path):
            if isinstance(parse(path), ContractFile):
                yaml.load(Contract, yaml.Source(path, data))
            yield path, data

    def _verdict(self, path: str, data: bytes) -> Iterator[tuple[str, bytes | None]]:
        """A verdict is taken in once it counts. Raises InvalidFile when it would be refused."""
        if vote_in(self._reader, self._snapshot, path, data) is not None:
            yield path, data

    def _answers(self, file: OpenAnswers, path: str, data: bytes) -> Iterator[tuple[str, bytes | None]]:
        """Answers are taken in once all is answered. Raises InvalidFile for what is half answered."""
        state = self._snapshot.items.get(file.item_id)
        asks = state is not None and state.history.lane is Lane.BLOCKED and bool(state.history.questions)
        if state is None or not file.is_at_home or not asks:  # also where a person has moved it on by now
            raise InvalidFile(
                Problem(path, 1, 1, "answers nothing that is asked; the factory writes these files itself")
            )
        if read_answers(path, data, state.history) is not None:
            yield path, data

    def _brings_items(self, path: str, data: bytes) -> bool:
        """Whether a batch says what was not taken in yet: another branch's working tree shows it as new for ever."""
        for line in lines_of(path, data):
            try:
                item_id, content = split_line(line)
            except InvalidFile:
                return True  # whoever splits it says what is wrong
            if self._reader.arrived_with(self._snapshot, item_id) != name_of("blob", content):
                return True
        return False

    def _item(self, file: ItemFile, path: str, data: bytes) -> Iterator[tuple[str, bytes | None]]:
        item_id, blob = file.id, name_of("blob", data)
        if problem := id_problem(item_id):
            self._edits.problem(path, problem)
            return
        known = self._reader.whereabouts(self._snapshot, item_id)
        moved = known if known is not None and known.path in self._edits.gone else None
        # What cannot be read may be moved as it is, and be ended as it is.
        if moved is None or (moved.blob != blob and file.lane is not Lane.DONE):
            self._reader.queue.item_in(path, blob, data)
        if known is not None and known.path == path and file.lane is Lane.DONE:
            self._edits.problem(path, f"is of an item that has ended; git checkout -- {path} lets go of this edit")
        elif known is not None and known.path == path:
            yield path, data
        elif moved is not None:
            yield from self._moved(item_id, moved.path)
            yield path, data
        elif known is not None:
            # The same content is an item that another branch's working tree still shows as new.
            if not self._edits.home:
                self._edits.stale[path] = data
            if known.blob != blob or (self._edits.home and known.lane is Lane.DONE):
                free = next(self._reader.free_ids(self._snapshot.tree, self._snapshot.listing, item_id))
                self._edits.problem(path, taken_by(item_id, known.path, free))
        elif file.lane is not Lane.INBOX and item_id not in self._snapshot.lost:
            self._edits.problem(path, f"is new, and new items begin in {lane_folder(Lane.INBOX)}")
        elif item_id in self._new:
            free_ids = self._reader.free_ids(self._snapshot.tree, self._snapshot.listing, item_id)
            free = next(each for each in free_ids if each not in self._new)
            self._edits.problem(path, taken_by(item_id, self._new[item_id], free))
        else:
            self._new[item_id] = path
            yield path, data

    def _moved(self, item_id: str, source: str) -> Iterator[tuple[str, None]]:
        """What a person took away when they moved an item: its file, and what was put before people with it."""
        opened = {file.path for file in self._snapshot.listing.opened if file.item_id == item_id}
        for path in sorted({source} | opened & self._edits.gone):
            self._edits.gone.discard(path)
            yield path, None
