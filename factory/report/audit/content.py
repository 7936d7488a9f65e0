"""What came into a branch besides the queue and the artifacts, and whose work it was."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from factory.model.errors import InvalidFile
from factory.model.journal import Entry, History
from factory.model.lifecycle import Event, Lane, Outcome
from factory.report.audit.lines import lines_in
from factory.report.audit.rules import Found, Rule, Violation
from factory.report.audit.state import AuditState
from factory.store.artifacts import Artifacts, folder_of
from factory.store.repository.ancestry import Told
from factory.store.repository.chronicle import Step
from factory.store.repository.objects import Objects, Person, name_of, tree_data
from factory.store.repository.trees import OWN_FOLDERS, Change, diff

_WORKER = "@workers.factory.invalid"
_FINISHED = frozenset({Outcome.APPLIED, Outcome.ACCEPTED})
# As git reads trailers, in any case and with or without a space; and anywhere below the subject, since people do.
_TRAILER = re.compile(r"^(factory-(?:item|move|run|subject))[ \t]*[:=]", re.IGNORECASE | re.MULTILINE)


def item_of(who: Person) -> str:
    """The item for which a worker made a commit; empty when the author is no worker."""
    return who.email.removesuffix(_WORKER) if who.email.endswith(_WORKER) else ""


def content_name(objects: Objects, tree: str) -> str:
    """The id of a tree without the factory's own folders; nothing is written for it."""
    entries = {name: entry for name, entry in objects.tree(tree).items() if name not in OWN_FOLDERS}
    return name_of("tree", tree_data(entries))


def outside(objects: Objects, old: str, new: str) -> Iterator[Change]:
    """What differs between two commits outside the factory's own folders."""
    before, after = (objects.commit(commit).tree for commit in (old, new))
    return diff(objects, before, after, without=OWN_FOLDERS)


def does_no_more(state: AuditState, commit: str, patch: bytes) -> bool:
    """Whether a commit adds and takes away nothing that a patch does not, though perhaps at other places."""
    parents = state.objects.commit(commit).parents
    return bool(parents) and lines_in(state.patch(parents[0], commit)) <= lines_in(patch)


class Brought(NamedTuple):
    """A commit by which content came in, and the item that it says it is for."""

    commit: str
    item_id: str
    carried: bool  # a person brought it here by a rebase or a pick
    text: str  # what is wrong when no finish follows


class Content:
    """Goes along a branch, and sees to it that what workers made came in by the finish of its item alone."""

    def __init__(self, state: AuditState) -> None:
        self._state = state
        self._objects = state.objects
        self._signs = state.authorship
        self._artifacts = Artifacts(state.objects)
        self._last: Brought | None = None  # what the factory brought in last, unfinished yet
        self._loose: dict[str, Brought] = {}  # what workers made that stands on the line itself, by item
        self._made: dict[str, str] = {}  # every commit that a worker made, and its address
        self._forged: dict[str, Violation] = {}
        self.elsewhere: dict[str, str] = {}  # on another branch: what finishes name, and the item of each

    def look(self, told: Told) -> None:
        """See a commit, on the line or beside it."""
        self.see_worker(told)
        if not self._signs.of_factory(told.author):
            below = told.message.replace("\r", "\n").partition("\n")[2]
            if found := _TRAILER.search(below):
                text = f"carries the factory's trailer {found[1]}, and {told.author} made it"
                self._forged[told.commit] = Violation(Rule.FORGED, told.commit, "", text)

    def see_worker(self, told: Told) -> None:
        """See a commit of another branch, where people may write what they like."""
        if told.author.email.endswith(_WORKER):
            self._made[told.commit] = told.author.email

    def forged(self, commit: str) -> Violation | None:
        """What is wrong with the trailers of a commit; each is told once."""
        return self._forged.pop(commit, None)

    def rest(self) -> Iterator[Violation]:
        """What only shows when everything has been seen."""
        yield from self._forged.values()
        yield from (Violation(Rule.UNAPPROVED, found.commit, "", found.text) for found in self._loose.values())

    def came(self, step: Step, ours: bool) -> Iterator[Found]:
        """What is wrong with the content that a commit brought that is no move."""
        if not ours:
            yield from self.by_person(step)
        elif not all(change.of_factory for change in step.changes):
            own = [change.path for change in step.changes if change.of_factory]
            if own:
                yield Rule.TRAILERS, own[0], "brings content in, and changes the queue in passing"
            item_id = step.trailer("Factory-Item")
            text = f"content came in for {item_id or 'no item'}, and its finish does not follow"
            self._last = Brought(step.commit, item_id, self._signs.carried(step), text)

    def by_person(self, step: Step, until: datetime | None = None) -> Iterator[Found]:
        """A person may do anything but bring in what a worker made and no finish let through, by then or so far."""
        email = self._made.get(step.commit, "")
        if email and not self._let_through(step.commit, email, until):
            text = f"what {step.author.name} made stands in the branch itself"
            self._loose[email.removesuffix(_WORKER)] = Brought(step.commit, email.removesuffix(_WORKER), True, text)
        for side in step.sides:
            for commit in side.commits:
                email = self._made.get(commit, "")
                if email and not self._let_through(commit, email, until, side.tip if side.foreign else ""):
                    yield Rule.UNAPPROVED, "", f"{step.author} merged the proposal {commit[:10]}"

    def _let_through(self, commit: str, email: str, until: datetime | None, foreign: str = "") -> bool:
        """Whether an item has been finished with this proposal, or with a patch that does the same."""
        item_id = email.removesuffix(_WORKER)
        finished = self._finished_there(item_id, foreign) if foreign else self._finished(item_id, until)
        if commit in {entry.proposal for entry, _ in finished}:
            return True
        return any(does_no_more(self._state, commit, patch) for _, patch in finished)

    def _finished(self, item_id: str, until: datetime | None = None) -> list[tuple[Entry, bytes]]:
        """The finishes of an item, each with its patch."""
        if item_id not in self._state.items:
            return []
        record = self._state.record(item_id)
        found = [
            (entry, self._state.blob(oid) if (oid := record.run.get(f"run-{entry.run}/patch.diff")) else b"")
            for entry in record.history.entries
            if entry.event is Event.FINISH and (until is None or entry.at <= until)
        ]
        self._state.evict(item_id)
        return found

    def _finished_there(self, item_id: str, commit: str) -> list[tuple[Entry, bytes]]:
        """The same of an item of another repository, whose commit this is."""
        tree = self._objects.commit(commit).tree
        day = self._artifacts.done_day(tree, item_id)
        try:
            history = self._artifacts.history(tree, item_id, day) if day else History()
        except InvalidFile:
            return []
        folder = folder_of(item_id, Lane.DONE, day or "")
        return [
            (entry, self._objects.file(tree, f"{folder}/run-{entry.run}/patch.diff") or b"")
            for entry in history.entries
            if entry.event is Event.FINISH
        ]

    def brought(self, step: Step) -> Brought | None:
        """The commit that brought in what a finish is about."""
        item_id = step.trailer("Factory-Item")
        return self._last if self._last and self._last.item_id == item_id else self._loose.get(item_id)

    def moved(self, step: Step) -> Iterator[Found]:
        """What is wrong with what a finish says came in."""
        record = self._state.items.get(step.trailer("Factory-Item"))
        entry = record.history.entries[-1] if record and record.history.entries else None
        if record is None or entry is None or entry.event is not Event.FINISH or entry.outcome not in _FINISHED:
            return
        policy = self._state.policy()
        last, self._last = self._last, None
        if last and last.item_id != record.id:
            text = f"{record.id} was finished by a merge that says it is of {last.item_id or 'no item'}"
            yield Rule.UNAPPROVED, "", text
        if self._signs.carried(step):  # the ids in its journal are those of before
            self._loose.pop(record.id, None)
            return
        if policy.target_branch != policy.branch and entry.applied:
            if entry.applied in self.elsewhere:
                text = f"{record.id} was finished by the merge of {self.elsewhere[entry.applied]}"
                yield Rule.UNAPPROVED, record.path, text
            self.elsewhere[entry.applied] = record.id
        if last and last.commit != entry.applied:
            yield Rule.UNAPPROVED, "", f"{record.id} was finished, and not by {last.commit[:10]}, which came before it"
        if entry.applied and self._said_subject(entry.applied) not in (None, entry.subject):
            yield Rule.TRAILERS, "", f"the merge of {record.id} says that it is of another subject"

    def _said_subject(self, commit: str) -> str | None:
        """The subject that a commit names; None when there is no such commit here."""
        found = self._objects.read(commit)
        if found is None:
            return None
        lines = found[2].decode(errors="replace").split("\n")
        return next((line.partition(": ")[2] for line in lines if line.startswith("Factory-Subject: ")), "")

    def unfinished(self, step: Step | None) -> Violation | None:
        """What came in last, when the finish that has to follow does not."""
        if self._last is None or (step is not None and step.trailer("Factory-Move").endswith(f"-> {Lane.DONE}")):
            return None
        last, self._last = self._last, None
        if last.carried and self.picked(last.commit, last.item_id):
            return None
        return Violation(Rule.UNAPPROVED, last.commit, "", last.text)

    def picked(self, commit: str, item_id: str) -> bool:
        """Whether a commit does again what a finish let through on another branch."""
        return any(does_no_more(self._state, commit, patch) for _, patch in self._finished(item_id))
