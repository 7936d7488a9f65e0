"""The witness: sees what happens in each pass, for what nobody can see any more when all is over."""

from collections.abc import Iterator
from pathlib import Path

from factory.model.events import Happening, Recorded
from factory.model.lifecycle import Event
from factory.store.repository.index import Mark
from factory.store.repository.objects import EMPTY_TREE, name_of
from factory.store.repository.repository import Repository
from factory.store.repository.trees import OWN_FOLDERS, diff
from tests.simulation.person import Person
from tests.simulation.workers import WORK

_GONE = "the orchestrator that held the lease is gone"


class Witness:
    """Of one life of an orchestrator."""

    def __init__(self, repository: Repository, person: Person) -> None:
        self._repository = repository
        self._person = person
        self._taken_off = len(person.taken_off)  # how often they took the branch off something before the last pass
        self._begun: set[tuple[str, int]] = set()  # the runs that were begun since
        self._lay: dict[str, bool] = {}  # of what lay there as the pass began, whether the branch had such a file
        self.whole = False  # whether the last pass was made from its beginning to its end
        self._calm = False  # whether the one before it was, so that nothing is left of it that it could not do
        self._agreeing = False  # whether all indexes agreed with what is checked out as the pass began
        self._wrong: list[str] = []
        self._agreed: dict[Path, tuple[str, Mark | None]] = {}  # the commit with which an index agreed, and that index

    def begin(self) -> None:
        """A pass begins."""
        self._calm, self.whole, self._wrong = self.whole, False, []
        self._agreeing = self._calm or not any(self.indexes())
        self._person.saved.clear()
        mine = [path for path in self._person.mine if path.startswith(f"{WORK}/")] if self._is_shown() else []
        self._lay = {path: self._is_tracked(path) for path in mine}
        if self._taken_off < len(self._person.taken_off):
            self._taken_off = len(self._person.taken_off)
            self._begun.clear()

    def hear(self, happening: Happening) -> None:
        """Something is told."""
        if not isinstance(happening, Recorded):
            return
        entry, run = happening.entry, (happening.item_id, happening.entry.run)
        if entry.event is Event.START:
            self._begun.add(run)
        elif self._calm and entry.event is Event.RELEASE and _GONE in (entry.reason or "") and run in self._begun:
            self._wrong.append(f"run {entry.run} of {happening.item_id} was taken from whoever is at work on it")

    def end(self) -> Iterator[str]:
        """What was wrong in a pass that was made to its end."""
        yield from self._wrong
        for path, tracked in self._lay.items() if self._is_shown() else ():
            place = self._repository.root / path
            if not tracked and path in self._person.mine and place.is_file() and self._is_tracked(path):
                yield f"{path} was merged, and the person's lay there"
        if not self._person.at_work:
            yield from self._saved_and_gone()
        self.whole = True

    def _saved_and_gone(self) -> Iterator[str]:
        """What the person saved in the midst of the pass, and lies nowhere now, nor is committed."""
        saved = {name_of("blob", data): path for path, data in self._person.saved.items()}
        if saved:
            objects, root = self._repository.objects, self._repository.root
            held = diff(objects, EMPTY_TREE, objects.commit(self._repository.head("main") or "").tree)
            left = saved.keys() - {change.new.oid for change in held if change.new}
            places = (place for folder in OWN_FOLDERS if left for place in (root / folder).rglob("*"))
            left -= {name_of("blob", place.read_bytes()) for place in places if place.is_file()}
            yield from (f"what the person saved as {saved[oid]} is gone" for oid in sorted(left))

    def failed(self) -> Iterator[str]:
        """What was wrong after a pass that one operation on the disk made fail."""
        if self._agreeing:
            yield from self.indexes()

    def indexes(self) -> Iterator[str]:
        """Where an index is behind or ahead of what is checked out, and no git of the person's is at work.

        Only the factory writes journals; whatever else differs may be their wish.
        """
        for view in self._repository.views():
            head = self._repository.head(view.branch() or "")
            looked_at = head or "", view.index.mark()
            if head and not view.busy() and self._agreed.get(view.root) != looked_at:
                differing = view.index.differing(head, ["artifacts"])
                yield from (f"the index says something else of {each}" for each in differing if each.endswith(".jsonl"))
                if not differing:
                    self._agreed[view.root] = looked_at

    def _is_shown(self) -> bool:
        """Whether the branch is checked out."""
        return (self._repository.root / ".git/HEAD").read_text() == "ref: refs/heads/main\n"

    def _is_tracked(self, path: str) -> bool:
        objects = self._repository.objects
        return objects.file(objects.commit(self._repository.head("main") or "").tree, path) is not None
