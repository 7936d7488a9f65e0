"""The queue: which item lies in which lane, as a commit has it, and what each item says."""

import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pydantic import TypeAdapter, ValidationError

from factory import __version__
from factory.model.archive import ArchivedItem
from factory.model.errors import InvalidFile, Problem
from factory.model.item import Item, id_problem
from factory.model.layout import IGNORED, QUEUE, YAML, archive_path, in_no_lane, item_path, lane_folder, parse, stem
from factory.model.lifecycle import Lane
from factory.model.places import BatchFile, ItemFile, OpenAnswers, OpenVerdict
from factory.model.run_layout import ANSWERS, kept_verdict
from factory.store import files, yaml
from factory.store.archive import Archive
from factory.store.days import Days
from factory.store.repository.objects import FILE, NOT_A_FILE_IN_GIT, Objects, TreeEntry
from factory.store.state import PARSED

NOT_AN_ITEM = "is not an item; an item's name ends in .yaml (a batch in inbox: .jsonl)"
IN_NO_LANE = f"lies in no lane; new items go to {lane_folder(Lane.INBOX)}/"
MOST_BYTES = 50_000_000  # of a file that is no single item: a batch, a prompt
MEMORY_BYTES = 50_000_000  # a file of parsed items that is larger than any queue needs is begun anew


@dataclass(frozen=True)
class Placed:
    """Where an item lies, and the id of what it says."""

    id: str
    lane: Lane
    path: str
    blob: str


@dataclass(frozen=True)
class VerdictFile:
    """A verdict file in the review lane."""

    item_id: str
    seat: str
    path: str
    blob: str
    home: ClassVar = Lane.REVIEW
    idle: ClassVar = "judges nothing that is in review"

    @property
    def kept(self) -> str:
        """What it is called in the run that it is about."""
        return kept_verdict(self.seat)


@dataclass(frozen=True)
class AnswersFile:
    """The file in the blocked lane in which a person answers what a worker asks."""

    item_id: str
    path: str
    blob: str
    home: ClassVar = Lane.BLOCKED
    idle: ClassVar = "answers nothing that is asked"
    kept: ClassVar = ANSWERS


OpenFile = VerdictFile | AnswersFile


@dataclass(frozen=True)
class QueueListing:
    """The queue at one commit; done items are looked up when asked for."""

    items: Mapping[str, Placed]
    verdicts: tuple[VerdictFile, ...] = ()
    answers: tuple[AnswersFile, ...] = ()
    batches: tuple[Placed, ...] = ()
    problems: tuple[Problem, ...] = ()
    twice: frozenset[str] = frozenset()  # ids that lie in two lanes: neither is touched until a person decides

    @property
    def opened(self) -> tuple[OpenFile, ...]:
        """What is put before people; it goes with its item."""
        return (*self.verdicts, *self.answers)


def taken_by(item_id: str, where: str, free: str) -> str:
    """What is wrong with a file whose id another item has."""
    return f"the id {item_id!r} is taken by {where}; rename the file, say to {free}.yaml"


def most_of(path: str) -> int:
    """How many bytes of a file that people write are read."""
    return yaml.MAX_BYTES if path.endswith(YAML) else MOST_BYTES


# What is known of a content: the item that it is, or its problems with their lines and columns.
Known = Item | tuple[tuple[int, int, str], ...]
_KNOWN: TypeAdapter[Known] = TypeAdapter(Known)


class Queue:
    """Reads the queue of any tree. Parses no content twice, not even in the next process."""

    def __init__(self, objects: Objects, state: Path, archive: Archive | None = None) -> None:
        self._objects = objects
        self._archive = archive or Archive(objects)
        self._memory = _Memory(state / PARSED)
        self._done = Days(objects, lane_folder(Lane.DONE), YAML)

    def listing(self, tree: str) -> QueueListing:
        """Who lies where. A file that cannot be an item is a problem and nothing else."""
        items: dict[str, Placed] = {}
        verdicts: list[VerdictFile] = []
        answers: list[AnswersFile] = []
        batches: list[Placed] = []
        problems: list[Problem] = []
        twice: set[str] = set()
        for lane in Lane:
            for name, path, blob, mode in self._files(tree, lane):
                found = parse(path)
                if not TreeEntry(mode, blob).is_file:
                    problems.append(Problem(path, 1, 1, NOT_A_FILE_IN_GIT))
                elif isinstance(found, OpenVerdict) and found.is_at_home:
                    verdicts.append(VerdictFile(found.item_id, found.seat, path, blob))
                elif isinstance(found, OpenAnswers) and found.is_at_home:
                    answers.append(AnswersFile(found.item_id, path, blob))
                elif isinstance(found, BatchFile) and lane is Lane.INBOX:
                    batches.append(Placed(found.name, lane, path, blob))
                elif (problem := _file_problem(name)) or not isinstance(found, ItemFile):
                    problems.append(Problem(path, 1, 1, problem))
                elif found.id in items:
                    other = items[found.id].path
                    problems.append(
                        Problem(path, 1, 1, f"the id {found.id!r} also lies at {other}; delete one of them")
                    )
                    twice.add(found.id)
                else:
                    items[found.id] = Placed(found.id, lane, path, blob)
        problems.extend(Problem(path, 1, 1, IN_NO_LANE) for path in self._strays(tree, QUEUE))
        single = {key: placed for key, placed in items.items() if key not in twice}
        return QueueListing(single, tuple(verdicts), tuple(answers), tuple(batches), tuple(problems), frozenset(twice))

    def _files(self, tree: str, lane: Lane) -> Iterator[tuple[str, str, str, str]]:
        folder = lane_folder(lane)
        for name, entry in self._objects.folder(tree, folder).items():
            if not entry.is_folder and name not in IGNORED:
                yield name, f"{folder}/{name}", entry.oid, entry.mode

    def _strays(self, tree: str, folder: str) -> Iterator[str]:
        """What lies in no lane, or too deep in one."""
        lane = folder in map(lane_folder, Lane)
        for name, entry in self._objects.folder(tree, folder).items():
            if entry.is_folder and (folder, name) != (QUEUE, Lane.DONE):  # of which only days are ever listed
                yield from self._strays(tree, f"{folder}/{name}")
            elif not lane and not entry.is_folder and in_no_lane(f"{folder}/{name}"):
                yield f"{folder}/{name}"

    def done_day(self, tree: str, item_id: str) -> str | None:
        """The day under which a finished item lies, or lay when it was archived; None when it is not finished."""
        archived = self.archived(tree, item_id)
        return archived.day if archived else self._done.day(tree, item_id)

    def archived(self, tree: str, item_id: str) -> ArchivedItem | None:
        """A finished item whose files are in the tree no more; None for any other."""
        return None if self._done.day(tree, item_id) else self._archive.get(tree, item_id)

    def ended(self, tree: str, item_id: str) -> Placed | None:
        """A finished item: at its file, or at the index that names it once it is archived; None when it is neither."""
        if day := self._done.day(tree, item_id):
            path = item_path(Lane.DONE, item_id, day)
            entry = self._objects.find(tree, path)
            return Placed(item_id, Lane.DONE, path, entry.oid) if entry else None
        archived = self.archived(tree, item_id)
        return Placed(item_id, Lane.DONE, archive_path(archived.year), archived.item) if archived else None

    def item(self, path: str, blob: str) -> Item:
        """What an item says. Raises InvalidFile."""
        known = self._memory.get(blob)
        if known is None:
            known = self._known(path, blob)
        if isinstance(known, Item):
            return known
        raise InvalidFile(*(Problem(path, *each) for each in known))

    def _known(self, path: str, blob: str) -> Known:
        data = self._objects.regular(path, TreeEntry(FILE, blob), yaml.MAX_BYTES)
        try:
            return self.remember(blob, read_item(path, data))
        except InvalidFile as error:
            return self.refuse(blob, error)

    def item_in(self, path: str, blob: str, data: bytes) -> Item:
        """What an item says that is not committed. Raises InvalidFile."""
        if self._memory.get(blob) is None:
            try:
                self.remember(blob, read_item(path, data))
            except InvalidFile as error:
                self.refuse(blob, error)
        return self.item(path, blob)

    def remember(self, blob: str, item: Item) -> Item:
        """Spare the parsing of a content that has been parsed already."""
        self._memory.put(blob, item)
        return item

    def refuse(self, blob: str, error: InvalidFile) -> Known:
        """Note what is wrong with a content that is no item."""
        places = tuple((each.line, each.column, each.message) for each in error.problems)
        self._memory.put(blob, places)
        return places

    def save(self) -> None:
        """Write down what was parsed, for the next process."""
        self._memory.save()


def read_item(path: str, data: bytes) -> Item:
    """An item from a file's bytes. Raises InvalidFile."""
    return yaml.load(Item, yaml.Source(path, data))


def _file_problem(name: str) -> str:
    return id_problem(stem(name).lower()) if name.endswith(YAML) else NOT_AN_ITEM


class _Memory:
    """What is known of contents, by blob id, in one local file. Whatever in it is not whole counts as not there."""

    # Forms written by another version are of no use: it may have read another format, or refused other things.
    _FORM = f"{__version__} {sorted(Item.model_fields)}"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._items: dict[str, Known] = {}
        self._texts: dict[str, tuple[str, str]] | None = None
        self._unsaved: dict[str, Known] = {}

    def _load(self) -> dict[str, tuple[str, str]]:
        """(checksum, JSON) by blob id."""
        if self._texts is None:
            data = b"" if _size(self._path) > MEMORY_BYTES else files.read_regular(self._path) or b""
            form, *lines = data.decode(errors="replace").split("\n")
            known = [line.split(" ", 2) for line in lines] if form == self._FORM else []
            self._texts = {words[0]: (words[1], words[2]) for words in known if len(words) == 3}
            if not known:
                with suppress(OSError):
                    self._path.unlink()
        return self._texts

    def get(self, blob: str) -> Known | None:
        if blob not in self._items:
            checksum, text = self._load().get(blob, ("", ""))
            # Two that write at once can mix their lines, and a crash can cut one off.
            if checksum != _checksum(blob, text):
                return None
            try:
                self._items[blob] = _KNOWN.validate_json(text)
            except ValidationError:
                return None  # whole, and written by a version that reads items otherwise
        return self._items[blob]

    def put(self, blob: str, item: Known) -> None:
        self._items[blob] = item
        self._unsaved[blob] = item

    def save(self) -> None:
        if not self._unsaved:
            return
        self._load()
        texts = {blob: _KNOWN.dump_json(item).decode() for blob, item in self._unsaved.items()}
        lines = "".join(f"\n{blob} {_checksum(blob, text)} {text}" for blob, text in texts.items())
        with suppress(OSError):  # what cannot be kept is parsed again
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as stream:
                stream.write((lines if stream.tell() else self._FORM + lines).encode())
        self._unsaved = {}


def _checksum(blob: str, text: str) -> str:
    return f"{zlib.crc32(f'{blob} {text}'.encode()):08x}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
