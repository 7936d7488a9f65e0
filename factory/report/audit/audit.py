"""The audit: a walk through a branch's commits, oldest first, holding each against the rules."""

from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from itertools import chain

from factory.model.errors import UnusableError, UsageError
from factory.model.lifecycle import Lane
from factory.report.audit.authorship import Authorship
from factory.report.audit.content import Content
from factory.report.audit.dates import Dates
from factory.report.audit.files import artifacts, by_item, edited_after, is_journal, places, unsaid
from factory.report.audit.merges import Merges
from factory.report.audit.moves import Moves, history_of
from factory.report.audit.rewritten import Rewritten
from factory.report.audit.rules import Found, Rule, Violation
from factory.report.audit.state import AuditState, artifact_of, judged_in
from factory.report.audit.target import Target
from factory.store.repository.chronicle import Step, chronicle
from factory.store.repository.repository import Repository
from factory.store.repository.trees import Change


@dataclass(frozen=True)
class Audit:
    """What was found."""

    commits: int
    moves: int
    by_people: int
    items: int
    finished: int
    violations: tuple[Violation, ...]


def audit(repository: Repository, head: str, since: str | None = None) -> Audit:
    """Hold every commit up to a head against the rules; with `since`, only those after it. Raises UnusableError."""
    if repository.git.text("rev-parse", "--is-shallow-repository") != "false":
        raise UnusableError("this clone does not have the whole history", "git fetch --unshallow")
    if repository.git.text("config", "--type=bool", "--get-regexp", r"^remote\..*\.promisor$", allowed=(0, 1)):
        message = "this clone fetches what files hold one by one, and an audit reads all of them"
        raise UnusableError(message, "git clone it without --filter")
    with closing(_Walk(repository, Authorship.in_history(repository, head))) as walk:
        return walk.through(head, since)


class _Walk:
    def __init__(self, repository: Repository, authorship: Authorship) -> None:
        self._repository = repository
        self._objects = repository.objects
        self._state = AuditState(repository, authorship)
        self._moves = Moves(self._state)
        self._content = Content(self._state)
        self._merges = Merges(self._state)
        self._dates = Dates()
        self._rewritten = Rewritten(repository, authorship)
        self._found: list[Violation] = []
        self._gone: dict[str, tuple[str, str]] = {}  # items without a file: (commit, path) by id
        self._ended: dict[str, tuple[str, str]] = {}  # items that a person put among the finished ones: the same
        self._twice: dict[str, tuple[str, str]] = {}  # items of which a person laid a second file: the same
        self._count: Counter[str] = Counter()

    def close(self) -> None:
        self._state.close()

    def through(self, head: str, since: str | None) -> Audit:
        steps = chronicle(self._repository, head, since, self._content.look)
        first = next(steps, None)
        # A commit that lies beside the line counts from where it left it.
        begin = ((first.before or None) if first else head) if since else None
        if begin is not None:
            self._state.open_at(begin)
            parents = self._objects.commit(begin).parents
            *_, last = chronicle(self._repository, begin, parents[0] if parents else None)
            self._rewritten.begin(last)
            self._dates.begin(last)
        for step in chain([first] if first else [], steps):
            self._take(step)
        self._close(head, begin)
        records = self._state.items.values()
        count, finished = self._count, sum(record.lane is Lane.DONE for record in records)
        items = sum(bool(record.places) for record in records)
        found = self._rewritten.advised(self._found, self._state.policy().branch, head)
        return Audit(count["commits"], count["moves"], count["people"], items, finished, found)

    def _add(self, commit: str, found: Iterable[Found]) -> None:
        self._found.extend(Violation(rule, commit, path, text) for rule, path, text in found)

    def _take(self, step: Step) -> None:
        state, factory, commit = self._state, self._state.authorship.by_factory(step), step.commit
        state.tree = step.tree_before
        self._count["commits"] += 1
        self._count["people"] += not factory
        ours = factory or state.authorship.carried(step)
        moved = ours and bool(step.trailer("Factory-Move"))
        touched = {*by_item(step.changes), *(artifact_of(change.path)[0] for change in step.changes)} - {""}
        records = {item_id: state.record(item_id) for item_id in sorted(touched)}
        lanes = {item_id: record.lane for item_id, record in records.items()}
        known = {item_id for item_id, record in records.items() if record.journal or record.places}
        self._found.extend(self._rewritten.take(step))
        self._found.extend(self._dates.take(step, moved))
        self._found.extend(found for found in (self._content.unfinished(step), self._content.forged(commit)) if found)
        self._add(commit, self._merges.lost(step))
        self._add(commit, places(state, step, ours))
        self._add(commit, artifacts(state, step, ours))
        if moved:
            self._count["moves"] += 1
            brought = self._content.brought(step) if state.authorship.carried(step) else None
            self._add(commit, self._moves.made(step, lanes.get(step.trailer("Factory-Item")), brought))
            self._add(commit, self._content.moved(step))
        else:
            self._add(commit, unsaid(step, known) if ours else ())
            self._add(commit, self._content.came(step, ours))
            self._add(commit, self._moves.came(step) if ours else ())
        self._remember(step, factory, moved)

    def _remember(self, step: Step, factory: bool, moved: bool) -> None:
        """What the next commit is held against."""
        state = self._state
        for change in step.changes:
            author = step.author
            if len(step.parents) > 1 and not factory and judged_in(change.path) and change.new:
                author = self._repository.last_author(step.commit, change.path) or author
            state.turn(change, author)
        for journal in filter(is_journal, step.changes):
            self._new_journal(journal, moved and artifact_of(journal.path)[0] == step.trailer("Factory-Item"))
        for item_id, changes in by_item(step.changes).items():
            record, place = state.record(item_id), (step.commit, changes[-1].path)
            twice = len(record.places) > 1 and not factory
            states = (self._gone, not record.places), (self._ended, record.lane is Lane.DONE), (self._twice, twice)
            for kept, holds in states:
                kept.pop(item_id, None)
                if holds:
                    kept[item_id] = place
            self._add(step.commit, edited_after(step, record, moved))
        state.go_on(step)
        for item_id in {*by_item(step.changes), *(artifact_of(change.path)[0] for change in step.changes)} - {""}:
            if state.evict(item_id):
                self._ended.pop(item_id, None)

    def _new_journal(self, change: Change, told: bool) -> None:
        """A journal that changed; one that no move accounts for is found already, and counts from now on."""
        record = self._state.record(artifact_of(change.path)[0])
        if change.new is None or change.new.oid == record.journal:
            return
        record.journal = change.new.oid
        if not told:
            record.history = history_of(self._state.blob(change.new.oid))

    def _close(self, head: str, begin: str | None) -> None:
        """What only shows when everything has been seen."""
        unfinished = self._content.unfinished(None)
        self._found.extend([unfinished] if unfinished else [])
        self._found.extend(chain(self._rewritten.rest(), self._dates.rest(), self._content.rest()))
        for item_id, (commit, path) in self._gone.items():
            if self._state.record(item_id).journal:  # what the factory never touched is its author's to take back
                self._add(commit, [(Rule.LOST, path, f"{item_id} lies in no lane any more")])
        for item_id, (commit, path) in self._twice.items():
            self._add(commit, [(Rule.ONE_LANE, path, self._state.record(item_id).whereabouts)])
        for item_id, (commit, left) in self._moves.owed.items():
            self._add(commit, [(Rule.HANDOFF, "", f"{item_id} was finished, and {left} of what it left is no item")])
        for item_id, (commit, path) in self._ended.items():
            told = self._state.record(item_id).history.lane or "nothing"
            text = f"{item_id} lies in done, and its journal says {told}; no pass has recorded why"
            self._add(commit, [(Rule.JOURNAL, path, text)])
        policy = self._state.policy()
        if policy.target_branch != policy.branch:
            target = Target(self._repository, self._content, policy, self._state.authorship)
            self._found.extend(target.found(head, self._objects.commit(begin).committed_at if begin else 0))


def resolve(repository: Repository, revision: str) -> str:
    """The commit that a revision names. Raises UsageError."""
    found = repository.git.call(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", allowed=(0, 1, 128)
    )
    if found.returncode:
        raise UsageError(f"there is no commit {revision!r}", "git log --oneline")
    return found.stdout.decode().strip()
