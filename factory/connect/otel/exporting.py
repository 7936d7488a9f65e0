"""Exporting: what this process publishes is exported after its commit, in a thread for which nobody waits long.

The commits are the queue: what is to be exported is what came since the commit that the note names, so that neither an
outage nor a crash loses anything, and nothing piles up in memory. A process exports at first whatever came since that
note, as another one may have been killed; from then on what it has published itself. A span that is exported
twice has the same id.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import closing, contextmanager
from itertools import islice
from queue import SimpleQueue
from typing import Protocol

from factory.connect.otel.grown import ended_spans
from factory.connect.otel.heard import Heard
from factory.connect.otel.note import ExportNote, note, noted
from factory.line.snapshot import SnapshotReader
from factory.model.errors import FactoryError, told_by
from factory.model.events import Happening, Noticed, Recorded, Tell
from factory.report.trace import Span
from factory.store.repository.repository import Repository

_GATHER_S = 0.5  # what comes so soon after something else is exported together with it
_AGAIN_S = 30.0  # after which a receiver that failed is tried again
_MOST = 20_000  # spans at once: what takes longer would begin again in each tick, and never come to an end
_PATIENCE_S = 3.0  # for what is left at the end, with a receiver that answers slowly


class Signal(Protocol):
    """Traces, or metrics."""

    name: str

    def send(self, spans: Iterator[Span]) -> bool:
        """Export what these say; whether the receiver has taken all of it."""

    def shut_down(self) -> None:
        """Let go of whatever waits to be tried again: from another thread."""


class Exporting:
    """Tells whoever is told of happenings, and exports what was published."""

    def __init__(
        self,
        opened: Repository,
        branch: str,
        receivers: Mapping[str, str],
        tell: Tell,
        make: Callable[[], Sequence[Signal]],
    ) -> None:
        """`receivers` are named to people, by signal; `make` is called in the thread, and may raise FactoryError."""
        self._opened, self._system, self._branch = opened, opened.system, branch
        self._receivers, self._tell, self._make = receivers, tell, make
        self._note = noted(opened.state)
        self._began_at = self._published = opened.tip(branch)  # then: the newest of which it was told
        self._mine: set[tuple[str, int]] = set()  # lines of journals that this process has published
        self._caught_up: set[str] = set()  # signals that have exported what other processes left
        self._signals: Sequence[Signal] = ()
        self._failures: SimpleQueue[str] = SimpleQueue()  # that are to be told, which this thread does not do
        self._told: set[str] = set()
        self._woken: SimpleQueue[None] = SimpleQueue()
        self._ending = threading.Event()
        self._news = threading.Condition()
        self._ended = False
        self._heard = Heard(self._news)
        self._sending = ""  # the signal
        self._given_up: set[str] = set()  # signals whose receiver fails while nobody waits for it any more
        self._rest_until: dict[str, float] = {}  # of signals whose receiver has failed, by the monotonic clock

    def __call__(self, happening: Happening) -> None:
        """Tell of it; a move is exported by and by."""
        if isinstance(happening, Recorded):
            with self._news:
                self._mine.add((happening.item_id, happening.entry.seq))
                self._published = happening.commit
            self._woken.put(None)
        self._tell(happening)
        self._tell_of_failures()

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Export meanwhile, and at the end what is left, for which it is waited a few seconds at most."""
        known = self._note.commits if self._note.branch == self._branch else {}
        begun = {signal: known.get(signal, self._published) for signal in self._receivers}
        self._keep({**known, **begun}, self._note.failed)
        pool = self._system.threads(1, "otel")
        work = pool.submit(self._work)
        self._woken.put(None)
        try:
            yield
        finally:
            with self._news:
                self._published = self._opened.head(self._branch) or self._published
            self._ending.set()
            self._woken.put(None)
            self._see_it_end()
            pool.shutdown(wait=False)
            self._tell_of_failures()
        if work.done():
            work.result()  # a fault of ours goes up

    def _see_it_end(self) -> None:
        """Wait for the last round as long as it goes on well; a receiver that fails is not tried again."""
        until = self._system.monotonic() + _PATIENCE_S

        def fails() -> bool:
            return self._heard.tries_again and self._sending in self._receivers.keys() - self._given_up

        while not self._ended and (left := until - self._system.monotonic()) > 0:
            with self._news:
                self._system.wait_for(self._news, lambda: self._ended or fails(), left)
            if fails():
                self._give_up(self._sending)
        if not self._ended:
            self._failures.put(f"there was no answer within {_PATIENCE_S:g} s")
        for signal in self._signals:
            self._give_up(signal.name)

    def _give_up(self, name: str) -> None:
        if name not in self._given_up:
            self._given_up.add(name)
            next(signal for signal in self._signals if signal.name == name).shut_down()

    def _work(self) -> None:
        """The thread: a round for whatever is new, and one at the end."""
        try:
            with self._heard.instead_of_the_log():
                self._signals = self._make()
                self._rounds()
        except FactoryError as error:
            self._failures.put(_in_words(error))
        finally:
            with self._news:
                self._ended = True
                self._news.notify_all()

    def _rounds(self) -> None:
        last = False
        while not last:
            self._system.wait(self._woken, None)
            self._system.pause(self._ending, _GATHER_S)
            while not self._woken.empty():
                self._woken.get()
            last = self._ending.is_set()
            if not self._round() and not last:
                self._system.pause(self._ending, _AGAIN_S)
                self._woken.put(None)  # also where nothing is new

    def _round(self) -> bool:
        """Export all that there is; whether that went well."""
        with self._news:
            published, mine = self._published, frozenset(self._mine)
        try:
            with closing(Repository(self._opened.root, self._system)) as own:
                reader = SnapshotReader(own, self._branch)
                went = [self._export(signal, reader, published, mine) for signal in self._signals]
        except (FactoryError, OSError) as error:
            self._failures.put(_in_words(error))
            return False
        if all(went):
            with self._news:
                self._mine -= mine
        return all(went)

    def _export(self, signal: Signal, reader: SnapshotReader, published: str, mine: Set[tuple[str, int]]) -> bool:
        """Export what a signal has not exported up to a commit; whether that went well."""
        if signal.name not in self._caught_up:
            if not self._send(signal, reader, self._began_at, None):
                return False
            self._caught_up.add(signal.name)
        return self._send(signal, reader, published, mine)

    def _send(self, signal: Signal, reader: SnapshotReader, until: str, mine: Set[tuple[str, int]] | None) -> bool:
        since = self._note.commits[signal.name]
        if since == until:
            return True
        rests = signal.name in self._rest_until and self._system.monotonic() < self._rest_until[signal.name]
        if rests or signal.name in self._given_up:
            return False
        self._heard.taken()
        self._sending = signal.name
        known = reader.repository.objects.read(since) is not None  # else history was written anew
        spans = ended_spans(reader, since, until, mine) if known else iter(())
        went = signal.send(islice(spans, _MOST))
        why = self._heard.taken()
        if went and next(spans, None):
            self._failures.put(f"{signal.name}: more than {_MOST} spans were left from before; the others are left out")
        failed = {name: said for name, said in self._note.failed.items() if name != signal.name}
        if went:
            self._keep({**self._note.commits, signal.name: until}, failed)
        else:
            self._rest_until[signal.name] = self._system.monotonic() + _AGAIN_S
            self._failures.put(f"{signal.name} to {self._receivers[signal.name]}: {why}")
            self._keep(self._note.commits, {**failed, signal.name: why})
        return went

    def _keep(self, commits: Mapping[str, str], failed: Mapping[str, str]) -> None:
        self._note = ExportNote(self._branch, commits, failed)
        note(self._opened.state, self._note)

    def _tell_of_failures(self) -> None:
        """Say what went wrong, once for each process."""
        while not self._failures.empty():
            said = self._failures.get()
            if said not in self._told:
                self._told.add(said)
                self._tell(Noticed(f"not exported to OpenTelemetry: {said}"))


def _in_words(error: FactoryError | OSError) -> str:
    hint = error.hint if isinstance(error, FactoryError) else ""
    return f"{told_by(error)}; {hint}" if hint else told_by(error)
