"""What came into a branch besides the queue and the artifacts, and whose work it was."""

from collections.abc import Iterator
from datetime import datetime

from factory.model.lifecycle import Event, Lane, Outcome
from factory.report.audit.book import Book
from factory.report.audit.rules import Found, Rule, Violation
from factory.store.repository.chronicle import Step, chronicle
from factory.store.repository.objects import Objects, Person, name_of, tree_data
from factory.store.repository.trees import OWN_FOLDERS, Change, diff

_WORKER = "@workers.factory.invalid"
_FINISHED = frozenset({Outcome.APPLIED, Outcome.ACCEPTED})


def content_name(objects: Objects, tree: str) -> str:
    """The id of a tree without the factory's own folders; nothing is written for it."""
    entries = {name: entry for name, entry in objects.tree(tree).items() if name not in OWN_FOLDERS}
    return name_of("tree", tree_data(entries))


def outside(objects: Objects, old: str, new: str) -> Iterator[Change]:
    """What differs between two commits outside the factory's own folders."""
    before, after = (objects.commit(commit).tree for commit in (old, new))
    return diff(objects, before, after, without=OWN_FOLDERS)


class Content:
    """Goes along a branch, and sees to it that what workers made came in by the finish of its item alone."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._repository = book.repository
        self._objects = book.objects
        self._merge: tuple[str, str] | None = None  # what the factory brought in last, (commit, item), unfinished yet
        self._merged: set[str] = set()  # the proposals that the factory merged
        self._merges: list[tuple[str, tuple[str, ...], Person, datetime]] = []  # by people
        self._elsewhere: dict[str, str] = {}  # on another branch: what finishes name, and the item of each

    def came(self, step: Step, factory: bool) -> Iterator[Found]:
        """What is wrong with the content that a commit brought that is no move."""
        if not factory:
            yield from self._by_person(step)
        elif any(not change.of_factory for change in step.changes):
            item_id = step.trailer("Factory-Item")
            own = [change.path for change in step.changes if change.of_factory]
            if own:
                yield Rule.TRAILERS, own[0], "brings content in, and changes the queue in passing"
            self._merge = step.commit, item_id
            self._merged.update(step.parents[1:])

    def _by_person(self, step: Step) -> Iterator[Found]:
        """A person may do anything but bring in what a worker made and no finish let through."""
        if len(step.parents) > 1:
            self._merges.append((step.commit, step.parents, step.author, step.at))
        if step.author.email.endswith(_WORKER) and not self._let_through(step.commit, step.author.email, step.at):
            yield Rule.UNAPPROVED, "", f"what {step.author.name} made stands in the branch itself"

    def brought_by_people(self, head: str, since: str | None) -> Iterator[Violation]:
        """What workers made and people merged: asked for once, since there is nearly never any."""
        for commit, email in self._made_by_workers(head, *([f"^{since}"] if since else [])):
            if commit in self._merged or not email.endswith(_WORKER):
                continue
            for merge, parents, author, at in self._merges:
                brought = any(self._repository.is_ancestor(commit, parent) for parent in parents[1:])
                if brought and not self._repository.is_ancestor(commit, parents[0]):
                    if not self._let_through(commit, email, at):
                        yield Violation(Rule.UNAPPROVED, merge, "", f"{author} merged the proposal {commit[:10]}")
                    break

    def _made_by_workers(self, *revisions: str) -> Iterator[tuple[str, str]]:
        out = self._repository.git.text("log", "--fixed-strings", f"--author={_WORKER}", "--format=%H %ae", *revisions)
        for line in out.splitlines():
            commit, _, email = line.partition(" ")
            yield commit, email

    def _let_through(self, commit: str, email: str, at: datetime) -> bool:
        """Whether an item had been finished with this proposal by then, or with a patch that does the same."""
        item_id = email.removesuffix(_WORKER)
        if item_id not in self._book.items:
            return False
        record = self._book.record(item_id)
        finished = [entry for entry in record.history.entries if entry.event is Event.FINISH and entry.at <= at]
        patches = {record.run.get(f"run-{entry.run}/patch.diff") for entry in finished}
        known = commit in {entry.proposal for entry in finished}
        self._book.rest(item_id)
        parents = self._objects.commit(commit).parents
        if known or not patches or not parents:
            return known
        return name_of("blob", self._book.patch(parents[0], commit)) in patches

    def moved(self, step: Step) -> Iterator[Found]:
        """What is wrong with what a finish says came in."""
        record = self._book.items.get(step.trailer("Factory-Item"))
        entry = record.history.entries[-1] if record and record.history.entries else None
        if record is None or entry is None or entry.event is not Event.FINISH or entry.outcome not in _FINISHED:
            return
        policy = self._book.policy()
        if policy.target_branch != policy.branch and entry.applied:
            if entry.applied in self._elsewhere:
                text = f"{record.id} was finished by the merge of {self._elsewhere[entry.applied]}"
                yield Rule.UNAPPROVED, record.path, text
            self._elsewhere[entry.applied] = record.id
        merge, self._merge = self._merge, None
        if merge and merge[0] != entry.applied:
            yield Rule.UNAPPROVED, "", f"{record.id} was finished, and not by {merge[0][:10]}, which came before it"
        if merge and merge[1] != record.id:
            yield Rule.UNAPPROVED, "", f"{record.id} was finished by a merge that says it is of {merge[1] or 'no item'}"
        if entry.applied and self._said_subject(entry.applied) != entry.subject:
            yield Rule.TRAILERS, "", f"the merge of {record.id} says that it is of another subject"

    def _said_subject(self, commit: str) -> str:
        found = self._objects.read(commit)
        lines = found[2].decode(errors="replace").split("\n") if found else []
        return next((line.partition(": ")[2] for line in lines if line.startswith("Factory-Subject: ")), "")

    def unfinished(self, step: Step | None) -> Violation | None:
        """What came in last, when the finish that has to follow does not."""
        if self._merge is None or (step is not None and step.trailer("Factory-Move").endswith(f"-> {Lane.DONE}")):
            return None
        (commit, item_id), self._merge = self._merge, None
        text = f"content came in for {item_id or 'no item'}, and its finish does not follow"
        return Violation(Rule.UNAPPROVED, commit, "", text)

    def on_target(self, target: str, begin: int) -> Iterator[Violation]:
        """What is wrong on the branch that the factory merges to, after a time, when that is another one."""
        for step in chronicle(self._repository.git, target):
            named = self._elsewhere.pop(step.commit, None) is not None
            if step.at.timestamp() <= begin:
                continue
            if step.trailer("Factory-Subject") and not named:
                text = f"content came in for {step.trailer('Factory-Item')}, and no finish names it"
                yield Violation(Rule.UNAPPROVED, step.commit, "", text)
            if named:
                self._merged.update(step.parents[1:])
            else:
                yield from (Violation(rule, step.commit, path, text) for rule, path, text in self._by_person(step))
        for commit, item_id in self._elsewhere.items():
            yield Violation(Rule.MERGED, target, "", f"{item_id} was applied by {commit[:10]}, which is not there")
