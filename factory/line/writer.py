"""The writer: the only one that commits. Each move is a commit, and a batch of them happens in one instant."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import count

from factory.line.snapshot import ItemState
from factory.line.sync.exchange import Exchange
from factory.model.commit_message import message_of
from factory.model.errors import FactoryError
from factory.model.events import Foretell, Happening, Payload, Recorded, Submitted, Tell, Telling, TookIn, entry_of
from factory.model.journal import History
from factory.model.layout import artifact_folder, item_path, journal_path, run_file
from factory.model.lifecycle import Event, Lane, check_move
from factory.model.moments import day_of, moment_of
from factory.model.run_layout import kept_answers
from factory.model.text import printable
from factory.model.trailers import Trailer
from factory.store.queue import AnswersFile, OpenFile
from factory.store.repository.batch import Batch, BatchMark, Signature, add_commit
from factory.store.repository.objects import FILE, Person, TreeEntry
from factory.store.repository.refs import NOTHING, RefUpdate
from factory.store.repository.repository import WORK_PREFIX, Arrival, Repository, branch_of
from factory.store.repository.trees import diff

BATCH_MOVES = 50
BATCH_SECONDS = 0.05
TOGETHER_SECONDS = 1.0  # for what is to happen together: whoever commits meanwhile makes it begin again


@dataclass(frozen=True)
class Move:
    """One event of one item, and what it brings with it."""

    payload: Payload
    files: Mapping[str, bytes] = field(default_factory=dict)  # of the present run, by name
    queue_files: Mapping[str, bytes] = field(default_factory=dict)  # by path
    actor: Person | None = None  # who did it, when it was not the factory
    run: int | None = None
    keeps_branch: bool = False  # whether `factory/<id>` stays when the item is finished


class Writer:
    """Commits moves on the branch. Nothing is seen before `publish`, and then all of it is."""

    def __init__(self, repository: Repository, branch: str, me: Person, tell: Tell) -> None:
        self._repository = repository
        self._branch = branch
        self.me = me
        self._system = repository.system
        self._tell = tell
        self._head = ""
        self._tips: dict[str, str] = {}  # of other branches, as they were when first asked for on this head
        self._batch: Batch | None = None
        self._pending: list[Callable[[], object]] = []  # what is done when the batch has been published
        self._written = 0  # commits in the batch
        self._began = 0.0
        self._together = False
        self.exchange: Exchange | None = None  # with the remote that has to accept all before it happens
        self.foretell: Foretell = lambda *_: None  # told of what is about to happen, and with which commit
        self.commits = 0  # published, by this writer
        self.moved_branches: set[str] = set()  # that they are on, those of proposals left out

    def begin(self, head: str) -> None:
        """Write on top of this commit from now on; publishing fails if the branch is no longer there."""
        self._head = head
        self._tips.clear()
        self._batch, self._pending, self._written = None, [], 0

    @property
    def batch(self) -> Batch:
        """The batch being written."""
        if self._batch is None:
            self._batch = Batch(self._repository.objects, self._branch, self._head)
            self._began = self._system.monotonic()
        return self._batch

    @property
    def head(self) -> str:
        """The newest commit, published or not."""
        return self._batch.tip if self._batch else self._head

    def head_of(self, branch: str) -> str | None:
        """The commit that another branch points to, once all that is written has been published."""
        moved = self._moved(branch)
        return self._repository.head(branch) if moved is None else None if moved == NOTHING else moved

    def _moved(self, branch: str) -> str | None:
        others = self._batch.others if self._batch else ()
        return next((update.new for update in reversed(others) if update.branch == branch), None)

    def move(
        self, state: ItemState, move: Move, opened: Iterable[OpenFile] = (), arrival: Arrival | None = None
    ) -> ItemState:
        """Commit one move; the item as it is afterwards. Raises IllegalMove."""
        moved = self.moved(state, move, now := self._system.now(), arrival)
        history, entry = moved.history, moved.history.entries[-1]
        self._write(state, move, history, moved.placed.path, day_of(now), opened)
        over = entry.to is Lane.DONE or entry.event is Event.OPEN
        if over and history.run and not move.keeps_branch:
            self._drop_branch(state.id)
        commit = self.batch.commit(message_of(state.id, entry), Signature(self.me, self.me, now))
        self._written += 1
        self.note(Recorded(state.id, entry, commit))
        return moved

    def moved(self, state: ItemState, move: Move, at: datetime, arrival: Arrival | None = None) -> ItemState:
        """An item as it is once it has moved, of which nothing is written here. Raises IllegalMove."""
        history = self._submitted(state, arrival, at)
        check_move(move.payload.event, source := history.lane or state.lane, move.payload.to)
        entry = entry_of(
            move.payload,
            seq=history.next_seq(),
            at=at,
            source=source,
            run=history.run if move.run is None else move.run,
            round=history.round,
            actor=str(move.actor or self.me),
        )
        placed = replace(state.placed, lane=entry.to, path=item_path(entry.to, state.id, day_of(at)))
        return replace(state, placed=placed, history=history.add(entry))

    def mark(self) -> BatchMark:
        """How far it is written; for `back_to`, before anything is published."""
        batch = self.batch
        return BatchMark(batch.tip, len(batch.others), len(batch.landing), len(self._pending), self._written)

    def back_to(self, mark: BatchMark) -> None:
        """Forget what was written since."""
        self.batch.back_to(mark.tip, mark.others, mark.landing)
        del self._pending[mark.pending :]
        self._written = mark.written

    def once_published(self, then: Callable[[], object]) -> None:
        """Do something when all that is written by now has been published: not before, and never if it is not.

        Whatever is used up, let go of or told by a step is, in this way, still there when the step begins again.
        """
        self._pending.append(then)

    def note(self, happening: Happening) -> None:
        """Tell of something once it has been published."""
        self.once_published(Telling(self._tell, happening))

    def _drop_branch(self, item_id: str) -> None:
        """Nobody needs the branch of a finished item, unless a person has it checked out."""
        branch = branch_of(item_id)
        if (old := self.head_of(branch)) is not None and self._repository.view_of(branch) is None:
            self.also(RefUpdate(branch, old, NOTHING))

    def _submitted(self, state: ItemState, arrival: Arrival | None, now: datetime) -> History:
        """An item's journal begins when the factory first touches it, with when and from whom it came."""
        if state.history.entries:
            return state.history
        by, at = str(arrival.by if arrival else self.me), moment_of(arrival.at) if arrival else now
        return state.history.add(entry_of(Submitted(), seq=1, at=min(at, now), source=None, actor=by))

    def _write(
        self, state: ItemState, move: Move, history: History, path: str, day: str, opened: Iterable[OpenFile]
    ) -> None:
        tree = self.batch.tree
        if state.placed.path != path:
            tree.move(state.placed.path, path)
        folder, known, kept = artifact_folder(state.id), state.history.entries, journal_path(state.id)
        if state.lane is Lane.DONE or (state.history.lane is Lane.DONE and state.history.since):
            since = state.history.since
            tree.move(artifact_folder(state.id, day_of(since) if since else day), folder)
        journal = self._repository.objects.blob(old.oid) if (old := tree.get(kept)) else b""
        if journal and not known:
            raise FactoryError(
                f"{kept} holds lines that could not be read; they are not written over", f"git log -- {kept}"
            )
        journal += b"".join(entry.line() for entry in history.entries[len(known) :])
        tree.put_file(kept, journal)
        for name, data in move.files.items():
            tree.put_file(run_file(state.id, history.run, name), data)
        for file in opened:
            if file.item_id == state.id:
                tree.move(file.path, self._kept(state.id, history.run, file))
        for place, data in move.queue_files.items():
            tree.put_file(place, data)
        if history.lane is Lane.DONE:
            tree.move(folder, artifact_folder(state.id, day))

    def _kept(self, item_id: str, run: int, file: OpenFile) -> str:
        """Where it is kept what a person wrote. A mission may have asked before, in the same run."""
        if not isinstance(file, AnswersFile):
            return run_file(item_id, run, file.kept)
        places = (run_file(item_id, run, kept_answers(number)) for number in count(1))
        return next(place for place in places if self.batch.tree.get(place) is None)

    def take_in(self, author: Person, files: Mapping[str, bytes | None], message: str) -> None:
        """Commit files by path, as their author's: what a person wrote, or leases; None takes a file away."""
        for path, data in files.items():
            if data is None:
                self.batch.tree.remove(path)
            else:
                self.batch.tree.put(path, TreeEntry(FILE, self._repository.objects.add("blob", data)))
        text = f"{printable(message)}\n\n{Trailer.ACTOR.line(self.me)}\n"
        self.batch.commit(text, Signature(author, self.me, self._system.now()))
        self._written += 1
        self.note(TookIn(tuple(files), message.removeprefix("factory: ")))

    def archive(self, gone: Iterable[str], grown: Mapping[str, bytes], message: str) -> str:
        """Commit that these files and folders are in the tree no more, and what its index says now; the commit's id."""
        for path in gone:
            self.batch.tree.remove(path)
        for path, data in grown.items():
            self.batch.tree.put_file(path, data)
        self._written += 1
        return self.batch.commit(message, Signature(self.me, self.me, self._system.now()))

    def land(self, item_id: str) -> None:
        """Let what is written happen only while an item's files are as they were: a hold that is saved still counts."""
        self.batch.landing.append(item_id)

    def tip_of(self, branch: str) -> str:
        """The newest commit of a branch, published or not. Raises UnusableError when there is none.

        It stays what it was, whoever moves the branch: what was proven on it is laid on nothing else."""
        if branch != self._branch and branch not in self._tips:
            self._tips[branch] = self._repository.tip(branch, "target")
        return self.head if branch == self._branch else self._moved(branch) or self._tips[branch]

    def merge(self, branch: str, content: str, merged: Sequence[str], message: str) -> str:
        """Commit that a branch holds this content from now on, with parents besides its tip; the commit's id."""
        objects, tip = self._repository.objects, self.tip_of(branch)
        signed = Signature(self.me, self.me, self._system.now())
        self._written += 1
        if branch != self._branch:
            tree = self._repository.with_content(objects.commit(tip).tree, content)
            commit = add_commit(objects, tree, (tip, *merged), message, signed)
            self.also(RefUpdate(branch, tip, commit))
            return commit
        for change in diff(objects, self._repository.content(self.batch.tree.write()), content):
            if change.new is None:
                self.batch.tree.remove(change.path)
            else:
                self.batch.tree.put(change.path, change.new)
        return self.batch.commit(message, signed, *merged)

    def also(self, update: RefUpdate) -> None:
        """Move another branch in the same instant."""
        if update.old != update.new:
            self.batch.others.append(update)

    def publish_when_due(self) -> None:
        """Publish when the batch is large or old enough; what is pushed goes in one piece."""
        if self._together and self.exchange:
            return
        most = TOGETHER_SECONDS if self._together else BATCH_SECONDS
        if self._batch and (self._written >= BATCH_MOVES or self._system.monotonic() - self._began > most):
            self.publish_at_once()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let everything that is written meanwhile happen in one instant, unless it is very much; then, at the end."""
        outer, self._together = self._together, True
        try:
            yield
        finally:
            self._together = outer
        self.publish()

    def publish(self) -> None:
        """Make everything written so far happen, and do what waits for it; by and by, if more is to happen together."""
        if not self._together:
            self.publish_at_once()

    def publish_at_once(self) -> None:
        """Let it happen now, whatever is to come. On an error of git's none of it did, unless a remote has accepted it.

        An error of a listener, or of anything else that waits, goes up once all that waits has been done.
        """
        batch, then = self._batch, partial(self._happened, self._pending, self._written)
        coming = [each.happening for each in self._pending if isinstance(each, Telling)]
        self._batch, self._pending, self._written = None, [], 0
        updates = batch.updates() if batch else []
        with ExitStack() as stack:
            if batch is not None and updates:
                self.foretell(coming, batch.tip)
                if self.exchange:
                    self.exchange.push(updates, batch.landing, batch.taken_in, then)
                    stack.callback(then)  # whatever is raised from here on
                for part in batch.in_parts() if self.exchange else [updates]:
                    self._repository.publisher.publish(part, batch.landing)
                self._head = batch.tip
                self._tips |= {each.branch: each.new for each in batch.others if each.branch in self._tips}
                self.moved_branches |= {each.branch for each in updates if not each.branch.startswith(WORK_PREFIX)}
            if self.exchange is None or not updates:
                stack.callback(then)

    def _happened(self, pending: Sequence[Callable[[], object]], written: int) -> None:
        self.commits += written
        with ExitStack() as stack:
            for each in reversed(pending):  # it does the last first
                stack.callback(each)
