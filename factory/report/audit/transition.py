"""One commit as the rules see it: what it did, and what the items that it touched were before and are after it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from factory.model.journal import Entry, History, fold
from factory.model.layout import day_of, journal_path
from factory.model.lifecycle import Lane
from factory.report.audit.archiving import Archiving
from factory.report.audit.lines import entries_of, entry_of
from factory.report.audit.record import ItemRecord
from factory.report.audit.rules import Found, Violation
from factory.store.repository.commit_walk import CommitDiff
from factory.store.repository.trees import Change


class Line(NamedTuple):
    """A line that a move added to its item's journal, and the item as that line finds it."""

    record: ItemRecord
    entry: Entry


class Appended(NamedTuple):
    """What a commit added to a journal."""

    begin: History = History()  # what the first of its lines is held against
    entries: tuple[Entry, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()  # (path, text) of what is wrong with the lines themselves


@dataclass(frozen=True)
class Transition:
    """One commit, and the items that it touches by id. Nothing of it changes, and making it changed nothing."""

    step: CommitDiff
    by_factory: bool  # the factory made it, of its own accord
    carried: bool  # the factory made it, and a person carried it here by a rebase or a pick
    item_id: str  # what its trailers say: of which item it is, and which move it made
    move: str
    placed: Mapping[str, Sequence[Change]]  # what it changed of items' files, by item
    artifacts: Mapping[tuple[str, str], Sequence[Change]]  # and of artifacts, by item and path below its folder
    before: Mapping[str, ItemRecord]
    filed: Mapping[str, ItemRecord]  # with its files where the commit put them, and the journal as it was before
    lines: tuple[Line, ...]  # if it says a move: what it added to the journal of its item
    problems: tuple[tuple[str, str], ...]  # the same: what is wrong with those lines themselves
    archiving: Archiving  # what it takes out of the tree besides; of these items nothing else here tells
    after: Mapping[str, ItemRecord]

    @property
    def ours(self) -> bool:
        """Whether the factory is its author."""
        return self.by_factory or self.carried

    @property
    def moved(self) -> bool:
        """Whether it is a move of the factory's."""
        return self.ours and bool(self.move)

    def violations(self, found: Iterable[Found]) -> Iterator[Violation]:
        """What was found of this commit."""
        return (Violation(rule, self.step.commit, path, text) for rule, path, text in found)


def appended(record: ItemRecord, journals: Iterable[Change], read: Callable[[str], bytes]) -> Appended:
    """The lines that a commit added to the journal of an item, whose files lie as the commit put them."""
    change = next((each for each in journals if each.new and _of(each.path, record)), None)
    if change is None or change.new is None or change.new.oid == record.journal:
        return Appended(record.history)
    old = read(record.journal) if record.journal else b""
    new = read(change.new.oid)
    if not new.startswith(old):  # another rule finds that; what follows is held against what the journal says now
        told = tuple(entries_of(new))
        return Appended(fold(told[:-1]), told[-1:])
    entries: list[Entry] = []
    problems: list[tuple[str, str]] = []
    for number, line in enumerate(new[len(old) :].splitlines(), record.history.next_seq()):
        entry = entry_of(line)
        if entry is None:
            problems.append((change.path, f"line {number} cannot be read"))
            break
        if entry.seq != number:
            problems.append((change.path, f"line {number} has the number {entry.seq}"))
        entries.append(entry)
    return Appended(record.history, tuple(entries), tuple(problems))


def _of(path: str, record: ItemRecord) -> bool:
    """Whether a journal is an item's, and lies where its lane says."""
    finished, day = record.lane is Lane.DONE, day_of(record.path)
    return path == journal_path(record.id, day if finished else "") and finished == bool(day)
