"""What is known of one item, as a value: what a commit does to it makes a new one."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from factory.model.archive import ArchivedItem
from factory.model.contract import Contract
from factory.model.journal import Entry, History
from factory.model.layout import lane_of
from factory.model.lifecycle import Event, Lane
from factory.model.policy import Policy
from factory.store.repository.objects import TreeEntry
from factory.store.repository.trees import Change


class Effective(NamedTuple):
    """What is in force for an item: the policy, and its contract as it was written."""

    policy: Policy
    name: str
    contract: Contract | None
    source: str  # the blob of the contract; empty when there is none


class ItemRecord(NamedTuple):
    """One item. One that is finished is evicted: only where it lies is kept until something touches it again."""

    id: str
    places: Mapping[str, TreeEntry] = {}  # by path: one, if all is well
    journal: str = ""  # the blob of its journal; empty: it has none
    history: History = History()
    run: Mapping[str, str] = {}  # its runs' files, by their path below the item's folder
    started: Effective | None = None  # what was in force when its present run began
    evicted: bool = False
    last: TreeEntry | None = None  # what its file was when it was taken away
    ended: tuple[str, TreeEntry] | None = None  # where its file lay when it was finished, and what it was
    archived: ArchivedItem | None = None  # what the index says of it, since its files are in the tree no more

    @property
    def path(self) -> str:
        """Where its file lies, for a finding."""
        return next(iter(self.places), "")

    @property
    def whereabouts(self) -> str:
        """Every place of it, in words."""
        also = " and is archived" if self.archived else ""
        return f"{self.id} lies at {' and at '.join(sorted(self.places))}{also}"

    @property
    def is_double(self) -> bool:
        """Whether it has two files, or one where it is archived: nobody could say what its state is."""
        return len(self.places) + bool(self.archived) > 1

    @property
    def ended_or_gone(self) -> bool:
        """Whether it is at its end, or there is no such item."""
        return self.history.lane is Lane.DONE or not (self.places or self.journal)

    @property
    def lane(self) -> Lane | None:
        """Where its file lies; None when nowhere, or in two places."""
        return lane_of(self.path) if len(self.places) == 1 else None

    @property
    def place(self) -> tuple[str, TreeEntry]:
        """Its path, and what its file is. Only of an item that lies in a lane."""
        return self.path, self.places[self.path]

    @property
    def finished(self) -> bool:
        """Whether it lies among the finished ones, and its journal says so too."""
        return self.lane is Lane.DONE and self.history.lane is Lane.DONE

    def placed(self, changes: Iterable[Change]) -> "ItemRecord":
        """The item after these changes of its files."""
        places = dict(self.places)
        for change in changes:
            places.pop(change.path, None)
        places |= {change.path: change.new for change in changes if change.new}
        gone = self.places and not places
        return self._replace(places=places, last=next(iter(self.places.values())) if gone else self.last)

    def written(self, files: Mapping[str, str]) -> "ItemRecord":
        """The item after these files of its runs came."""
        return self._replace(run={**self.run, **files})

    def ending(self) -> "ItemRecord":
        """The item after a move: if that brought it among the finished ones, with where it lies there."""
        return self._replace(ended=self.place) if self.lane is Lane.DONE else self

    def evict(self) -> "ItemRecord":
        """The item without what can be read again when it is asked for."""
        return ItemRecord(self.id, self.places, evicted=True, ended=self.ended, archived=self.archived)


def last_delivery(history: History) -> Entry | None:
    """The newest delivery of an item."""
    return next((entry for entry in reversed(history.entries) if entry.event is Event.DELIVER), None)
