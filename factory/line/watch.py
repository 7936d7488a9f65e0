"""Watch: pass after pass for ever, woken by the file system, by ended runs and by the clock."""

import errno
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver
from watchdog.observers.polling import PollingObserver

from factory.line.dispatch.still import same_until
from factory.line.orchestrator import Orchestrator, PassReport
from factory.model.errors import FactoryError, NothingButCommits, OutOfTurn, UnusableError
from factory.model.events import Noticed, Tell
from factory.model.layout import CONTRACTS, QUEUE, lane_folder
from factory.model.lifecycle import Lane
from factory.store.standstill import sight

logging.getLogger("watchdog").addHandler(logging.NullHandler())  # else it tells people of threads that it has stopped
_LOOK_S = 1.0  # where the system does not tell of changes
_AGAIN_S = 5.0  # after a pass that could not be made
_PAUSE_S = 0.5
_NO_MORE = (errno.ENOSPC, errno.EMFILE)  # inotify(7): of watches, of instances
_CHANGES = frozenset({"created", "modified", "moved", "deleted", "closed"})


class _Wake(FileSystemEventHandler):
    """Wakes the pass; what happened is found out by listing the folders again."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self.stale = False  # whether a folder went: one of the same name that is made again is another one

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Anything but a mere look at a file."""
        if event.event_type in _CHANGES and _is_news(event):
            self.stale |= event.is_directory and event.event_type in ("deleted", "moved")
            self._wake()


def _is_news(event: FileSystemEvent) -> bool:
    """In git's own folder only what is checked out and what is staged is: it may have to be mended."""
    place = Path(os.fsdecode(event.dest_path or event.src_path))
    return place.name != ".git" and (place.parent.name != ".git" or place.name in ("HEAD", "index"))


class _Watch:
    """Wakes whoever waits when something changes in the folders it follows, also when one was deleted and made anew."""

    def __init__(self, wake: Callable[[], None], tell: Tell) -> None:
        self._handler = _Wake(wake)
        self._tell = tell
        self._observer: BaseObserver | None = None
        self._followed: Sequence[tuple[Path, bool]] = ()

    def follow(self, folders: Sequence[tuple[Path, bool]]) -> None:
        """Watch these folders, with all below them where that is said; nothing is done while they are the same."""
        if folders == self._followed and not self._handler.stale:
            return
        self.stop()
        self._handler.stale = False
        try:
            self._observer = self._watching(Observer(), folders)
        except OSError as error:
            if error.errno not in _NO_MORE:
                raise  # a folder that is just being removed
            said = f"the system lets no more files be watched ({error}); looking every {_LOOK_S:g} s instead"
            self._tell(Noticed(said))
            self._observer = self._watching(PollingObserver(timeout=_LOOK_S), folders)
        self._followed = folders

    def _watching(self, observer: BaseObserver, folders: Sequence[tuple[Path, bool]]) -> BaseObserver:
        for folder, _ in folders:
            folder.stat()  # the library lets go of nothing that it has taken for a folder that is not there
        try:
            for folder, below in folders:
                observer.schedule(self._handler, str(folder), recursive=below)
            observer.start()
        except OSError:
            observer.unschedule_all()
            raise
        return observer

    def stop(self) -> None:
        """Follow nothing any more."""
        observer, self._observer = self._observer, None
        self._followed = ()
        if observer is not None:
            observer.stop()
            observer.join()


def _watched(orchestrator: Orchestrator) -> list[tuple[Path, bool]]:
    """(folder, with all below it) of everything whose change may be news."""
    context = orchestrator.context
    folders = [(context.repository.common_dir / "refs" / "heads", True)]
    view = context.repository.view_of(context.branch)
    if view is not None:
        for lane in Lane:
            (view.root / lane_folder(lane)).mkdir(parents=True, exist_ok=True)
        folders += [(view.root / QUEUE, False), *((view.root / lane_folder(lane), False) for lane in Lane)]
        folders += [(view.git_dir, False)]
        folders += [(view.root / CONTRACTS, False)] if (view.root / CONTRACTS).is_dir() else []
    beside = context.repository.view_of(orchestrator.workflow.policy.target_branch)
    if beside is not None and (beside.root / lane_folder(Lane.INBOX)).is_dir():
        folders.append((beside.root / lane_folder(Lane.INBOX), False))
    return list(dict.fromkeys(folders))


class _Still:
    """Whether a pass that the clock alone asks for can be left out, as it would find what the last one has found."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        self._orchestrator = orchestrator
        self._seen = self._relied_on = ""
        self._until: datetime | None = None

    def lasts(self, *, woken: bool) -> bool:
        """Look, unless there is news anyhow."""
        context, policy = self._orchestrator.context, self._orchestrator.workflow.policy
        known, until = self._relied_on, self._until
        self._relied_on = ""
        self._seen = "" if woken else sight(context.repository, context.branch, policy.target_branch)
        if known and known == self._seen and until is not None and context.system.now() < until:
            self._relied_on = known
        return bool(self._relied_on)

    def note(self, report: PassReport) -> None:
        """Rely from now on on what was seen before the pass, if that had nothing to do."""
        self._until = (
            same_until(self._orchestrator.context, self._orchestrator.present(), report) if self._seen else None
        )
        self._relied_on = self._seen if self._until else ""


def watch(orchestrator: Orchestrator, after_pass: Callable[[PassReport], None]) -> None:
    """Make passes until it is asked to stop. Raises StopRequested then."""
    context = orchestrator.context
    folders, still = _Watch(orchestrator.wake, context.tell), _Still(orchestrator)
    tidied, woken = 0, True
    report = PassReport(0)
    with ExitStack() as stack:
        stack.callback(folders.stop)
        while True:
            wait = orchestrator.workflow.policy.polling.interval_ms / 1000
            try:
                folders.follow(_watched(orchestrator))  # first: what comes after the pass has looked must wake the next
                if not still.lasts(woken=woken):
                    report = orchestrator.one_pass()
                    still.note(report)
            except (NothingButCommits, OutOfTurn):
                raise
            except (FactoryError, OSError) as error:  # what is in its way, a full disk too, will be gone some time
                if not context.repository.common_dir.is_dir():
                    raise UnusableError(
                        f"the repository {context.repository.common_dir} is gone", "git clone"
                    ) from None
                report, wait = PassReport(0, waiting=_said(error)), min(wait, _AGAIN_S)
                context.system.sleep(_PAUSE_S)  # whatever its half-done work wakes must not make it try again at once
            after_pass(report)
            untils = [entry.until for entry in report.schedule if entry.until]
            if untils:
                wait = min(wait, max(0.0, (min(untils) - context.system.now()).total_seconds()))
            woken = context.wakeup.wait(wait)
            if not woken and not context.runs.busy and context.writer.commits > tidied:
                tidied = context.writer.commits
                with suppress(FactoryError, OSError):  # another time
                    orchestrator.tidy()


def _said(error: FactoryError | OSError) -> str:
    """Why no pass could be made, with the command that helps where only a person can."""
    if isinstance(error, OSError):
        return f"the system refused: {error}"
    return f"{error.message}; {error.hint}" if isinstance(error, UnusableError) and error.hint else error.message
