"""What came into a branch besides the queue and the artifacts, and whose work it was."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from factory.model.journal import Entry
from factory.model.lifecycle import Event, Lane, Outcome
from factory.model.trailers import Trailer
from factory.report.audit.proposals import Lookup, Proposals
from factory.report.audit.record import ItemRecord
from factory.report.audit.rules import Found, Rule, Violation
from factory.report.audit.state import AuditState
from factory.report.audit.transition import Transition
from factory.store.repository.commit_walk import CommitDiff
from factory.store.repository.objects import Objects, name_of, tree_data
from factory.store.repository.trees import OWN_FOLDERS, Change, diff

_FINISHED = frozenset({Outcome.APPLIED, Outcome.ACCEPTED})


def content_name(objects: Objects, tree: str) -> str:
    """The id of a tree without the factory's own folders; nothing is written for it."""
    entries = {name: entry for name, entry in objects.tree(tree).items() if name not in OWN_FOLDERS}
    return name_of("tree", tree_data(entries))


def outside(objects: Objects, old: str, new: str) -> Iterator[Change]:
    """What differs between two commits outside the factory's own folders."""
    before, after = (objects.commit(commit).tree for commit in (old, new))
    return diff(objects, before, after, without=OWN_FOLDERS)


class Brought(NamedTuple):
    """A commit by which content came in, and the item that it says it is for."""

    commit: str
    item_id: str
    carried: bool  # a person brought it here by a rebase or a pick
    text: str  # what is wrong when no finish follows


class Content:
    """Goes along a branch, and sees to it that what workers made came in by the finish of its item alone."""

    def __init__(self, state: AuditState, proposals: Proposals) -> None:
        self._state = state
        self._proposals = proposals
        self._objects = state.objects
        self._last: Brought | None = None  # what the factory brought in last, unfinished yet
        self._loose: dict[str, Brought] = {}  # what workers made that stands on the line itself, by item
        self._elsewhere: dict[str, str] = {}  # on another branch: what finishes name, and the item of each

    @property
    def elsewhere(self) -> dict[str, str]:
        """What finishes say came in on another branch: the item of each commit there."""
        return dict(self._elsewhere)

    def check_followed(self, transition: Transition) -> Iterator[Violation]:
        """What is wrong with what came in last, when its finish had to follow and does not."""
        if self._last is not None and not _ends(transition):
            yield from self._unfinished(self._last, self._state.known(transition.before, transition.step.tree_before))

    def rest_followed(self) -> Iterator[Violation]:
        """What is wrong with what came in last, once nothing can follow it."""
        if self._last is not None:
            yield from self._unfinished(self._last, self._state.record)

    def _unfinished(self, last: Brought, known: Lookup) -> Iterator[Violation]:
        if not (last.carried and self._proposals.picked(last.commit, known(last.item_id))):
            yield Violation(Rule.UNAPPROVED, last.commit, "", last.text)

    def brought(self, transition: Transition) -> Brought | None:
        """The commit that brought in what a finish is about."""
        last, item_id = self._open(transition), transition.item_id
        return last if last and last.item_id == item_id else self._loose.get(item_id)

    def _open(self, transition: Transition) -> Brought | None:
        """What came in last, if this commit can be the finish that has to follow."""
        return self._last if _ends(transition) else None

    def check(self, transition: Transition) -> Iterator[Violation]:
        """What is wrong with the content that a commit brought, or with what a finish says came in."""
        if transition.moved:
            found = self._at_finish(transition)
        elif transition.ours:
            found = _in_passing(transition)
        else:
            found = self.merged(transition.step, self._state.known(transition.filed, transition.step.tree_before))
        yield from transition.violations(found)

    def merged(self, step: CommitDiff, known: Lookup, until: datetime | None = None) -> Iterator[Found]:
        """A person may merge anything but what a worker made and no finish let in, by then or so far."""
        for side in step.sides:
            for commit in side.commits:
                if self._proposals.item(commit) is not None and not self._proposals.let_in(commit, known, until, side):
                    yield Rule.UNAPPROVED, "", f"{step.author} merged the proposal {commit[:10]}"

    def _at_finish(self, transition: Transition) -> Iterator[Found]:
        record, entry = self._finished(transition)
        if record is None or entry is None:
            return
        last = self._open(transition)
        if last and last.item_id != record.id:
            text = f"{record.id} was finished by a merge that says it is of {last.item_id or 'no item'}"
            yield Rule.UNAPPROVED, "", text
        if transition.carried:  # the ids in its journal are those of before
            return
        if self._is_elsewhere(transition, entry) and (other := self._elsewhere.get(entry.applied or "")):
            yield Rule.UNAPPROVED, record.path, f"{record.id} was finished by the merge of {other}"
        if last and last.commit != entry.applied:
            yield Rule.UNAPPROVED, "", f"{record.id} was finished, and not by {last.commit[:10]}, which came before it"
        if entry.applied and self._said_subject(entry.applied) not in (None, entry.subject):
            yield Rule.TRAILERS, "", f"the merge of {record.id} says that it is of another subject"

    def _finished(self, transition: Transition) -> tuple[ItemRecord, Entry] | tuple[None, None]:
        """The item that a move finished, and the line of its journal that says so."""
        item_id = transition.item_id
        record = transition.after.get(item_id) or self._state.items.get(item_id)
        entry = record.history.entries[-1] if record and record.history.entries else None
        if record is None or entry is None:
            return None, None
        if entry.event is not Event.OPEN and (entry.event is not Event.FINISH or entry.outcome not in _FINISHED):
            return None, None
        return record, entry

    def _is_elsewhere(self, transition: Transition, entry: Entry) -> bool:
        """Whether a finish names a commit, and that is one of the branch which is merged to."""
        policy = self._state.policy(transition.step.tree_before)
        return policy.target_branch != policy.branch and bool(entry.applied)

    def _said_subject(self, commit: str) -> str | None:
        """The subject that a commit names; None when there is no such commit here."""
        found = self._objects.read(commit)
        if found is None:
            return None
        lines = found[2].decode(errors="replace").split("\n")
        return next((line.partition(": ")[2] for line in lines if line.startswith(f"{Trailer.SUBJECT}: ")), "")

    def advance(self, transition: Transition) -> None:
        """Go on to a commit: what came in and has to be finished, and what has been."""
        self._last = self._open(transition)
        if transition.moved:
            self._let_go(transition)
        elif transition.ours:
            if not all(change.of_factory for change in transition.step.changes):
                text = f"content came in for {transition.item_id or 'no item'}, and its finish does not follow"
                self._last = Brought(transition.step.commit, transition.item_id, transition.carried, text)
        else:
            self._stand(transition)

    def _let_go(self, transition: Transition) -> None:
        record, entry = self._finished(transition)
        if record is None or entry is None:
            return
        self._last = None
        if transition.carried:
            self._loose.pop(record.id, None)
        elif entry.applied and self._is_elsewhere(transition, entry):
            self._elsewhere[entry.applied] = record.id

    def _stand(self, transition: Transition) -> None:
        commit, item_id = transition.step.commit, self._proposals.item(transition.step.commit)
        known = self._state.known(transition.filed, transition.step.tree_before)
        if item_id is not None and not self._proposals.let_in(commit, known):
            text = f"what {transition.step.author.name} made stands in the branch itself"
            self._loose[item_id] = Brought(commit, item_id, True, text)

    def rest(self) -> Iterator[Violation]:
        """What workers made that stands on the line, and no finish came for."""
        yield from (Violation(Rule.UNAPPROVED, found.commit, "", found.text) for found in self._loose.values())


def _ends(transition: Transition) -> bool:
    """Whether it can be what has to follow when content came in: a finish, or a mission that begins with its plan."""
    opens = any(line.entry.event is Event.OPEN for line in transition.lines)
    return opens or transition.move.endswith(f"-> {Lane.DONE}")


def _in_passing(transition: Transition) -> Iterator[Found]:
    own = [change.path for change in transition.step.changes if change.of_factory]
    if own and len(own) < len(transition.step.changes):
        yield Rule.TRAILERS, own[0], "brings content in, and changes the queue in passing"
