"""Watch: pass after pass for ever, woken by the file system, by ended runs and by the clock."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from factory.line.orchestrator import Orchestrator, Report
from factory.model.errors import FactoryError, NothingButCommits
from factory.model.lifecycle import Lane
from factory.store.queue import QUEUE

_CHANGES = frozenset({"created", "modified", "moved", "deleted", "closed"})


class _Wake(FileSystemEventHandler):
    """Wakes the pass; what happened is found out by listing the folders again."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Anything but a mere look at a file."""
        if event.event_type in _CHANGES:
            self._wake()


def _watched(orchestrator: Orchestrator) -> list[tuple[Path, bool]]:
    """(folder, with all below it) of everything whose change may be news."""
    floor = orchestrator.floor
    folders = [(floor.repository.common_dir / "refs" / "heads", True)]
    view = floor.repository.view_of(floor.branch)
    if view is not None:
        for lane in Lane:
            (view.root / QUEUE / lane).mkdir(parents=True, exist_ok=True)
        folders += [(view.root / QUEUE / lane, False) for lane in Lane]
        folders += [(view.root / "contracts", False)] if (view.root / "contracts").is_dir() else []
    return folders


def run(orchestrator: Orchestrator, after_pass: Callable[[Report], None]) -> None:
    """Make passes until interrupted. Raises KeyboardInterrupt then."""
    crew, clock = orchestrator.floor.crew, orchestrator.floor.clock
    observer = Observer()
    tidied = 0
    handler = _Wake(crew.bell.ring)
    for folder, below in _watched(orchestrator):
        observer.schedule(handler, str(folder), recursive=below)
    with ExitStack() as stack:
        observer.start()
        stack.callback(observer.join)
        stack.callback(observer.stop)
        while True:
            try:
                report = orchestrator.one_pass()
            except NothingButCommits:
                raise
            except FactoryError as error:  # this pass could not be made; what is in its way will be gone some time
                report = Report(0, waiting=error.message)
            after_pass(report)
            wait = orchestrator.workflow.policy.polling.interval_ms / 1000
            untils = [outlook.until for outlook in report.outlooks if outlook.until]
            if untils:
                wait = min(wait, max(0.0, (min(untils) - clock()).total_seconds()))
            if not crew.wait(wait) and not crew.busy and orchestrator.floor.ledger.commits > tidied:
                tidied = orchestrator.floor.ledger.commits
                orchestrator.tidy()
